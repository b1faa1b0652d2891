# Builds BPF programs: NAME.bpf.c becomes an object, and the object a skeleton header.
find_program(GUARD_BPF_CLANG NAMES clang clang-14 clang-15 clang-16 REQUIRED
             DOC "The clang that compiles BPF programs, whichever compiler builds the rest")
find_program(GUARD_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

# The name of the processor in libbpf's macros, which read its registers.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|i.86)$")
  set(bpf_arch x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(bpf_arch arm64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^arm")
  set(bpf_arch arm)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^riscv64$")
  set(bpf_arch riscv)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^ppc64")
  set(bpf_arch powerpc)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^s390x$")
  set(bpf_arch s390)
else()
  message(FATAL_ERROR "libbpf does not support the processor ${CMAKE_SYSTEM_PROCESSOR}")
endif()
if(CMAKE_CXX_BYTE_ORDER STREQUAL BIG_ENDIAN)
  set(bpf_target bpfeb)
else()
  set(bpf_target bpfel)
endif()

# asm/ of the kernel's user-space headers lies in a directory that clang does not search for the BPF
# target. It comes last, so that it hides none of clang's own headers.
set(bpf_includes -I${PROJECT_SOURCE_DIR})
foreach(directory IN LISTS libbpf_INCLUDE_DIRS)
  list(APPEND bpf_includes -isystem ${directory})
endforeach()
if(CMAKE_CXX_LIBRARY_ARCHITECTURE)
  list(APPEND bpf_includes -idirafter /usr/include/${CMAKE_CXX_LIBRARY_ARCHITECTURE})
endif()

# bpf_skeleton(TARGET FILE): FILE.bpf.c becomes <bpf/FILE.skel.h> for the target. No other flags are
# used: the daemon's sanitizer, hardening and optimization flags do not work in the kernel. -g creates
# the BTF for relocations; linking the single object drops the other debug information.
function(bpf_skeleton target file)
  cmake_path(GET file FILENAME name)
  set(bpf_output ${CMAKE_CURRENT_BINARY_DIR}/include/bpf)
  file(MAKE_DIRECTORY ${bpf_output})
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${file}.bpf.c)
  set(compiled ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.tmp.o)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
  set(skeleton ${bpf_output}/${name}.skel.h)
  add_custom_command(
    OUTPUT ${compiled}
    COMMAND ${GUARD_BPF_CLANG} -target ${bpf_target} -mcpu=v3 -std=gnu11 -O2 -g
            -Wall -Wextra -Wno-unused-parameter $<$<BOOL:${GUARD_WERROR}>:-Werror>
            -D__TARGET_ARCH_${bpf_arch} ${bpf_includes}
            -fdebug-prefix-map=${PROJECT_SOURCE_DIR}/=
            -MD -MF ${compiled}.d -MT ${compiled} -c ${source} -o ${compiled}
    DEPENDS ${source}
    DEPFILE ${compiled}.d
    COMMENT "Compiling the BPF programs of ${file}.bpf.c"
    VERBATIM)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${GUARD_BPFTOOL} gen object ${object} ${compiled}
    DEPENDS ${compiled}
    VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTBEGIN" > ${skeleton}.tmp
    COMMAND ${GUARD_BPFTOOL} gen skeleton ${object} name ${name}_bpf >> ${skeleton}.tmp
    COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTEND" >> ${skeleton}.tmp
    COMMAND ${CMAKE_COMMAND} -E rename ${skeleton}.tmp ${skeleton}
    DEPENDS ${object}
    COMMENT "Generating bpf/${name}.skel.h"
    VERBATIM)
  target_sources(${target} PRIVATE ${skeleton})
  target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/include)
endfunction()
