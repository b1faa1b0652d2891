# How a BPF program is built: NAME.bpf.c becomes an object, and the object a skeleton header.
find_program(GUARD_BPF_CLANG NAMES clang clang-14 clang-15 clang-16 REQUIRED
             DOC "The clang that compiles BPF programs, whatever compiles the rest")
find_program(GUARD_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

# What libbpf's macros call the processor whose registers they read.
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
  message(FATAL_ERROR "libbpf knows no processor ${CMAKE_SYSTEM_PROCESSOR}")
endif()
if(CMAKE_CXX_BYTE_ORDER STREQUAL BIG_ENDIAN)
  set(bpf_target bpfeb)
else()
  set(bpf_target bpfel)
endif()

# The kernel's headers for user space keep asm/ in a directory that clang only knows for a target
# that is a processor. Looked at last, so that nothing there hides clang's own headers.
set(bpf_includes -I${PROJECT_SOURCE_DIR})
foreach(directory IN LISTS libbpf_INCLUDE_DIRS)
  list(APPEND bpf_includes -isystem ${directory})
endforeach()
if(CMAKE_CXX_LIBRARY_ARCHITECTURE)
  list(APPEND bpf_includes -idirafter /usr/include/${CMAKE_CXX_LIBRARY_ARCHITECTURE})
endif()

# bpf_skeleton(TARGET FILE): FILE.bpf.c becomes <bpf/FILE.skel.h> for the target. The flags are only
# these: a sanitizer, a hardening or an optimisation flag meant for the daemon has no place in the
# kernel. -g makes BTF, without which nothing could be relocated; linking the one object drops the
# rest of the debug information.
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
