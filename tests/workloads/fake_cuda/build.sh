#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: build.sh DIRECTORY   makes the libraries, cuda_calls (linked against them), cuda_calls_late (loads
# them when told) and cuda_calls_static (has them inside, with symbols)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
# As NVIDIA's libraries are: functions begin with push, tiny ones have no frame.
flags="-O1 -g0 -fno-omit-frame-pointer -momit-leaf-frame-pointer -fcf-protection=none
       -fno-optimize-sibling-calls -fno-inline -fPIC -Wall -Wextra -Werror -Wno-unused-parameter"
library() { # NAME SONAME SOURCE LIBRARIES...
  name=$1 soname=$2 source=$3
  shift 3
  gcc $flags -shared -Wl,-soname,"$soname" -o "$out/$soname" "$here/$source" "$@"
  ln -sf "$soname" "$out/lib$name.so"
}
library cuda libcuda.so.1 fake_cuda.c
library cudart libcudart.so.13 fake_cudart.c -L"$out" -lcuda -Wl,-rpath,"$out"
library nccl libnccl.so.2 fake_nccl.c -L"$out" -lcuda -Wl,-rpath,"$out"
gcc $flags -o "$out/cuda_calls" "$here/cuda_calls.c" -L"$out" -lcudart -lnccl -lcuda -lpthread -Wl,-rpath,"$out"
gcc $flags -DLATE -o "$out/cuda_calls_late" "$here/cuda_calls.c" -ldl -lpthread
gcc $flags -o "$out/cuda_calls_static" "$here/cuda_calls.c" "$here/fake_cudart.c" "$here/fake_nccl.c" \
  "$here/fake_cuda.c" -lpthread
