# Compares cupti_abi.h and activity_view.h with NVIDIA's headers (abi_check.cpp): those of the CUDA
# toolkit where one is installed, else, for builds with tests, those of NVIDIA's public wheels,
# fetched into the build folder. Without either the library is built all the same.
set(TACIT_CUPTI_INCLUDE "" CACHE STRING "Folders of CUPTI's and CUDA's headers to compare with")
option(TACIT_CUPTI_WHEELS "Fetch CUPTI's headers from NVIDIA's wheels, if there is no toolkit"
       ${TACIT_TESTS})

set(folders ${TACIT_CUPTI_INCLUDE})
if(NOT folders)
  find_package(CUDAToolkit QUIET)
  foreach(root ${CUDAToolkit_TARGET_DIR} ${CUDAToolkit_LIBRARY_ROOT} /usr/local/cuda)
    foreach(place extras/CUPTI/include include)
      if(NOT folders AND EXISTS ${root}/${place}/cupti_activity.h)
        set(folders ${root}/${place} ${root}/include)
      endif()
    endforeach()
  endforeach()
endif()
if(NOT folders AND TACIT_CUPTI_WHEELS)
  set(wheels ${CMAKE_BINARY_DIR}/cupti-wheels)
  if(NOT EXISTS ${wheels}/nvidia/cu13/include/cupti_activity.h)
    find_package(Python3 QUIET COMPONENTS Interpreter)
    execute_process(
      COMMAND ${Python3_EXECUTABLE} -m pip install --quiet --no-deps --no-compile --upgrade
              --disable-pip-version-check --retries 1 --timeout 10 --target ${wheels}
              nvidia-cuda-cupti==13.0.85 nvidia-cuda-runtime==13.0.96 nvidia-cuda-crt==13.0.88
      OUTPUT_QUIET ERROR_QUIET TIMEOUT 120)
  endif()
  if(EXISTS ${wheels}/nvidia/cu13/include/cupti_activity.h)
    set(folders ${wheels}/nvidia/cu13/include)
    set(TACIT_CUPTI_REAL ${wheels}/nvidia/cu13/lib/libcupti.so.13 CACHE FILEPATH "A real CUPTI")
  endif()
endif()

if(NOT folders)
  message(STATUS "CUPTI's headers: none here; libtacit_cupti.so is built, but not compared with them")
  return()
endif()
message(STATUS "CUPTI's headers: ${folders}")
add_library(tacit_cupti_abi OBJECT abi_check.cpp)
target_include_directories(tacit_cupti_abi PRIVATE ${CMAKE_SOURCE_DIR})
target_include_directories(tacit_cupti_abi SYSTEM PRIVATE ${folders})
add_dependencies(tacit_cupti tacit_cupti_abi)
