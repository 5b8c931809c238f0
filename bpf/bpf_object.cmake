# bpf_object(NAME): compiles bpf/NAME.bpf.c, generates its skeleton and offers it as the interface
# target NAME_skeleton (header "NAME.skel.h"). Depends on the headers it includes (depfile).
find_program(BPF_CLANG NAMES clang-16 clang-19 clang-17 clang-18 clang REQUIRED)
find_program(BPF_LLVM_STRIP NAMES llvm-strip-16 llvm-strip-19 llvm-strip)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(BPF_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(BPF_ARCH arm64)
else()
  message(FATAL_ERROR "BPF programs: unsupported architecture ${CMAKE_SYSTEM_PROCESSOR}")
endif()

function(bpf_object NAME)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${NAME}.bpf.c)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.skel.h)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${BPF_CLANG} -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_${BPF_ARCH}
            -I${CMAKE_CURRENT_SOURCE_DIR}/.. -Wall -Wextra -Werror -Wno-unused-parameter
            -Wno-missing-declarations -MD -MF ${object}.d -MT ${object} -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d
    COMMENT "BPF ${NAME}" VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${NAME}_bpf > ${skeleton}
    DEPENDS ${object} COMMENT "skeleton ${NAME}" VERBATIM)
  add_custom_target(${NAME}_skeleton_file DEPENDS ${skeleton})
  add_library(${NAME}_skeleton INTERFACE)
  target_include_directories(${NAME}_skeleton SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
  add_dependencies(${NAME}_skeleton ${NAME}_skeleton_file)
endfunction()
