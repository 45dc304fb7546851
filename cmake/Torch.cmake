# dashi_dep::torch: the LibTorch inside the Python wheel, as imported targets. The wheel's own
# find_package(Torch) insists on a CUDA toolkit, so it is not used.
#
# DASHI_TORCH_ROOT is the folder that holds torch/ and nvidia/, as pip install --target leaves it.

set(DASHI_TORCH_ROOT "${PROJECT_SOURCE_DIR}/.deps/torch" CACHE PATH
    "Folder into which the torch wheel was unpacked")

find_path(DASHI_TORCH_INCLUDE_DIR ATen/ATen.h
          PATHS "${DASHI_TORCH_ROOT}/torch/include" NO_DEFAULT_PATH)
find_library(DASHI_TORCH_CPU_LIBRARY torch_cpu
             PATHS "${DASHI_TORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
find_library(DASHI_TORCH_C10_LIBRARY c10
             PATHS "${DASHI_TORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
mark_as_advanced(DASHI_TORCH_INCLUDE_DIR DASHI_TORCH_CPU_LIBRARY DASHI_TORCH_C10_LIBRARY)
if(NOT DASHI_TORCH_INCLUDE_DIR OR NOT DASHI_TORCH_CPU_LIBRARY OR NOT DASHI_TORCH_C10_LIBRARY)
  message(FATAL_ERROR "LibTorch not found under ${DASHI_TORCH_ROOT}: run ./run setup, "
                      "or configure with -DDASHI_TORCH=OFF")
endif()
get_filename_component(DASHI_TORCH_LIBRARY_DIR "${DASHI_TORCH_CPU_LIBRARY}" DIRECTORY)

add_library(dashi_dep::torch INTERFACE IMPORTED GLOBAL)
target_include_directories(dashi_dep::torch SYSTEM INTERFACE
  "${DASHI_TORCH_INCLUDE_DIR}" "${DASHI_TORCH_INCLUDE_DIR}/torch/csrc/api/include")
target_link_libraries(dashi_dep::torch INTERFACE
  "${DASHI_TORCH_CPU_LIBRARY}" "${DASHI_TORCH_C10_LIBRARY}")
# The wheel is built with the C++11 ABI of libstdc++.
target_compile_definitions(dashi_dep::torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
# libtorch_cpu.so names libraries (libcudart, libcupti) that it finds by its own run path.
target_link_options(dashi_dep::torch INTERFACE -Wl,--allow-shlib-undefined)

if(DASHI_CUDA)
  # With all its dependencies, the wheel brings CUDA's headers, libraries and compiler as well.
  set(dashi_cuda_root "${DASHI_TORCH_ROOT}/nvidia/cu13")
  find_program(DASHI_NVCC nvcc HINTS "${dashi_cuda_root}/bin" PATHS /usr/local/cuda/bin)
  mark_as_advanced(DASHI_NVCC)
  if(NOT DASHI_NVCC)
    message(FATAL_ERROR "nvcc not found: run DASHI_CUDA=ON ./run setup, "
                        "or configure with -DDASHI_CUDA=OFF")
  endif()
  set(CMAKE_CUDA_COMPILER "${DASHI_NVCC}")
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 90)
  endif()
  # The wheel's nvcc looks for its libraries in lib64, where the wheel has none.
  set(CMAKE_CUDA_FLAGS "-L${dashi_cuda_root}/lib" CACHE STRING "Flags of nvcc")
  # What is linked is dashi_dep::cudart below.
  set(CMAKE_CUDA_RUNTIME_LIBRARY None)
  enable_language(CUDA)
  find_library(DASHI_TORCH_CUDA_LIBRARY torch_cuda
               PATHS "${DASHI_TORCH_LIBRARY_DIR}" NO_DEFAULT_PATH REQUIRED)
  find_library(DASHI_TORCH_C10_CUDA_LIBRARY c10_cuda
               PATHS "${DASHI_TORCH_LIBRARY_DIR}" NO_DEFAULT_PATH REQUIRED)
  mark_as_advanced(DASHI_TORCH_CUDA_LIBRARY DASHI_TORCH_C10_CUDA_LIBRARY)

  # dashi_dep::cudart: the run-time library that LibTorch loads too. Its headers include the
  # compiler's, which a wheel beside another nvcc does not have: then all are nvcc's.
  set(dashi_cuda_include "${dashi_cuda_root}/include")
  if(NOT EXISTS "${dashi_cuda_include}/crt/host_config.h")
    set(dashi_cuda_include ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  endif()
  add_library(dashi_dep::cudart INTERFACE IMPORTED GLOBAL)
  target_include_directories(dashi_dep::cudart SYSTEM INTERFACE ${dashi_cuda_include})
  set(DASHI_CUDART_DIR "${dashi_cuda_root}/lib")
  target_link_libraries(dashi_dep::cudart INTERFACE "${DASHI_CUDART_DIR}/libcudart.so.13")
  # torch_cuda registers its kernels when it is loaded; nothing of it is called by name.
  target_link_libraries(dashi_dep::torch INTERFACE
    -Wl,--no-as-needed "${DASHI_TORCH_CUDA_LIBRARY}" -Wl,--as-needed
    "${DASHI_TORCH_C10_CUDA_LIBRARY}" dashi_dep::cudart)
  target_compile_definitions(dashi_dep::torch INTERFACE DASHI_CUDA=1)
endif()
