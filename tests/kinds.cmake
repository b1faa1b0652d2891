# The kinds of test there are. Each takes one line in CMakeLists.txt and one file:
#
#   guard_unit_test(glob guard_policy)        unit/glob_test.cc         GoogleTest; anybody, anywhere
#   guard_script_test(arrows)                 house/arrows.test         a script; anybody, in the clone
#   guard_root_test(scratch_fs guard_policy)  root/scratch_fs_root_test.cc
#                                             GoogleTest; root, in mount and process namespaces of its own
#   guard_model_test(model SOURCES acts.cc)   model/model_root_test.cc, model/acts.cc
#                                             the same, of several files in a folder of its own
#   guard_container_test(bus)                 container/bus.test        a script; root in a booted systemd container
#   guard_vm_test(boot)                       vm/boot.test              a script; root in a virtual machine, once a kernel
#   guard_vm_gtest(lsm guard_bpf)             vm/lsm_vm_test.cc         GoogleTest; the same
#   guard_package_test(upgrade CONTAINER VM)  package/upgrade.test      a script about the built packages; root, on this
#                                             machine, in a container, in a virtual machine once a kernel
#   guard_fuzz_test(glob guard_policy)        fuzz/glob_fuzz.cc         libFuzzer, seeds in fuzz/corpus/glob (GUARD_FUZZ)
#   guard_fuzz_test(mountinfo SHORT guard_host)
#                                             the same, a third as long: a parser of which all is seen soon
#   guard_benchmark(judge guard_policy)       bench/judge_bench.cc      Google Benchmark (GUARD_BENCH)
#   guard_comparison(side_by_side guard_scan SOURCES bench/trees.cc)  bench/side_by_side.cc
#                                             a program that measures us beside others in one run, prints a table of
#                                             ratios and fails where one is clearly not what we promise; root
#
# What follows a name are the libraries to link. Unit tests also take THREADS: they run once more under
# ThreadSanitizer. The two vm kinds also take SYSTEMD, to boot systemd in the machine,
# KERNELS NAME..., to run on these only, and TIMEOUT SECONDS; guard_vm_gtest more SOURCES. Scripts in containers and
# virtual machines also take TIMEOUT, INSTALLED, to have guardd installed for them (tests/installed.sh), and PREPARE, to
# have container/NAME.prepare or vm/NAME.prepare run in the system before it boots, and PACKAGES SECTION, of
# packaging/packages, to have those in $GUARD_PACKAGES, unpacked in a virtual machine; in containers UNIFIED, to have only the unified hierarchy of control groups, and
# KEEP, to have a directory in $GUARD_KEEP whose files stay in kept/NAME of the build. A script that ends with 77 is
# skipped, and the last line it said is the reason. Every kind is a label for `ctest -L` and has a target that builds
# its programs: unit_tests (thread_tests of those with THREADS), root_tests, vm_tests, fuzz_tests, benchmarks.
include(GoogleTest)
find_package(GTest REQUIRED)

set(GUARD_SKIP_STATUS 77)
foreach(target IN ITEMS unit_tests thread_tests root_tests vm_tests fuzz_tests benchmarks)
  add_custom_target(${target})
endforeach()

# The kernels that packaging/packages names.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/packaging/packages)
file(STRINGS ${PROJECT_SOURCE_DIR}/packaging/packages GUARD_KERNELS REGEX "^\\[kernel ")
list(TRANSFORM GUARD_KERNELS REPLACE "^\\[kernel (.*)\\]$" "\\1")

# How the sources of tests are compiled: fast. Without optimisation in debug builds, or where they only start the
# programs under test, and then without sanitizers, which those programs have. Unit tests keep ASan, for what headers of
# ours put into them; ThreadSanitizer must see every access.
function(guard_test_sources group)
  set(options $<$<CONFIG:Debug>:-O0>)
  if(group MATCHES "^(root|vm)_tests$")
    set(options -O0)
  endif()
  if(GUARD_SANITIZE MATCHES address)
    if(group STREQUAL unit_tests)
      list(APPEND options -fno-sanitize=undefined)
    elseif(NOT group STREQUAL fuzz_tests)
      list(APPEND options -fno-sanitize=all)
    endif()
  endif()
  if(GUARD_SANITIZE)
    list(APPEND options -DGUARD_SANITIZED)  # what is under test is; __SANITIZE_ADDRESS__ says it of the test alone
  endif()
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS ${options})
endfunction()

# A program of one kind, part of that kind's target.
function(guard_test_program name group source)
  guard_program(${name} ${source})
  guard_test_sources(${group} ${source})
  target_link_libraries(${name} PRIVATE ${ARGN})
  add_dependencies(${group} ${name})
endfunction()

# A test that is a command: its status says how it went.
function(guard_command_test name label timeout)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout} SKIP_RETURN_CODE ${GUARD_SKIP_STATUS}
    ENVIRONMENT "GUARD_SOURCE_DIR=${PROJECT_SOURCE_DIR};GUARD_BUILD_DIR=${PROJECT_BINARY_DIR}")
endfunction()

# THREADS: what it tests has threads, so it runs once more under ThreadSanitizer.
function(guard_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "THREADS" "" "")
  guard_test_program(${name}_test unit_tests unit/${name}_test.cc ${arg_UNPARSED_ARGUMENTS} GTest::gmock_main)
  if(arg_THREADS)
    add_dependencies(thread_tests ${name}_test)
  endif()
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX unit/
                       PROPERTIES LABELS unit TIMEOUT 60)
endfunction()

function(guard_script_test name)
  guard_command_test(house/${name} house 300 ${CMAKE_CURRENT_SOURCE_DIR}/house/${name}.test)
endfunction()

# root/main.cc takes the tests into a world of their own before the first of them begins.
add_library(guard_scratch_fs STATIC EXCLUDE_FROM_ALL root/scratch_fs.cc)
target_link_libraries(guard_scratch_fs PUBLIC guard_flags guard_policy GTest::gmock)
add_library(guard_root_main STATIC EXCLUDE_FROM_ALL root/main.cc)
guard_test_sources(root_tests root/scratch_fs.cc root/main.cc)
target_link_libraries(guard_root_main PUBLIC guard_scratch_fs)

function(guard_root_test name)
  guard_test_program(${name}_root_test root_tests root/${name}_root_test.cc ${ARGN} guard_root_main)
  gtest_discover_tests(${name}_root_test DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX root/
                       PROPERTIES LABELS root TIMEOUT 240)
endfunction()

# A root test of several files, in a folder of its own.
function(guard_model_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  list(TRANSFORM arg_SOURCES PREPEND ${name}/)
  guard_test_program(${name}_root_test root_tests ${name}/${name}_root_test.cc ${arg_UNPARSED_ARGUMENTS} guard_root_main)
  target_sources(${name}_root_test PRIVATE ${arg_SOURCES})
  guard_test_sources(root_tests ${arg_SOURCES})
  gtest_discover_tests(${name}_root_test DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX root/
                       PROPERTIES LABELS root TIMEOUT 400)
endfunction()

# What a test has whose line does not say it: every kernel, and this time limit. The machine ends the test, and has some
# time to say why before CTest ends both.
macro(guard_machine_defaults timeout)
  if(NOT arg_KERNELS)
    set(arg_KERNELS ${GUARD_KERNELS})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${timeout})
  endif()
  math(EXPR deadline "${arg_TIMEOUT} + 30")
endmacro()

# What both kinds of machines get: INSTALLED, and PREPARE for the script beside the test's own.
function(guard_machine_options variable kind name)
  cmake_parse_arguments(PARSE_ARGV 3 arg "INSTALLED;PREPARE;KEEP;UNIFIED" "PACKAGES" "")
  set(options)
  if(arg_INSTALLED)
    list(APPEND options --installed)
  endif()
  if(arg_PREPARE)
    list(APPEND options --prepare ${CMAKE_CURRENT_SOURCE_DIR}/${kind}/${name}.prepare)
  endif()
  if(arg_UNIFIED)
    list(APPEND options --unified)
  endif()
  if(arg_PACKAGES)
    list(APPEND options --packages ${arg_PACKAGES})
  endif()
  if(arg_KEEP)
    list(APPEND options --keep ${PROJECT_BINARY_DIR}/kept/${name})
  endif()
  set(${variable} ${options} PARENT_SCOPE)
endfunction()

function(guard_container_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "")
  guard_machine_options(options container ${name} ${ARGN})
  guard_machine_defaults(120)
  guard_command_test(container/${name} container ${deadline}
    ${CMAKE_CURRENT_SOURCE_DIR}/machines/container --timeout ${arg_TIMEOUT} ${options}
    -- ${CMAKE_CURRENT_SOURCE_DIR}/container/${name}.test)
endfunction()

# One test for each kernel: guard_vm_command(NAME [SYSTEMD] [TIMEOUT n] [KERNELS name...] COMMAND ...). All are for the
# newest kernel, too; on that, tests/left_out says of most that they are for long runs.
function(guard_vm_command name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SYSTEMD;INSTALLED;PREPARE" "TIMEOUT;PACKAGES" "KERNELS;COMMAND")
  guard_machine_defaults(300)
  guard_machine_options(options vm ${name} ${ARGN})
  list(APPEND options --timeout ${arg_TIMEOUT})
  list(APPEND arg_KERNELS newest)
  list(REMOVE_DUPLICATES arg_KERNELS)
  if(arg_SYSTEMD)
    list(APPEND options --systemd)
  endif()
  string(REGEX MATCHALL "TARGET_FILE:[a-z_]+" programs "${arg_COMMAND}")
  list(TRANSFORM programs REPLACE "TARGET_FILE:" "")
  add_dependencies(vm_tests guardd guardctl guardd-notifier ${programs})
  foreach(kernel IN LISTS arg_KERNELS)
    guard_command_test(vm/${name}@${kernel} vm ${deadline}
      ${CMAKE_CURRENT_SOURCE_DIR}/machines/vm --kernel ${kernel} ${options} -- ${arg_COMMAND})
  endforeach()
endfunction()

function(guard_vm_test name)
  guard_vm_command(${name} ${ARGN} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/vm/${name}.test)
endfunction()

function(guard_vm_gtest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SYSTEMD" "TIMEOUT" "KERNELS;SOURCES")
  guard_test_program(${name}_vm_test vm_tests vm/${name}_vm_test.cc ${arg_UNPARSED_ARGUMENTS} GTest::gmock_main)
  target_sources(${name}_vm_test PRIVATE ${arg_SOURCES})
  guard_test_sources(vm_tests ${arg_SOURCES})
  list(REMOVE_ITEM ARGN ${arg_UNPARSED_ARGUMENTS} SOURCES ${arg_SOURCES})
  guard_vm_command(${name} ${ARGN} COMMAND $<TARGET_FILE:${name}_vm_test>)
endfunction()

# A test of the packages that package/build.test builds before any of the others. Machines take PREPARE and PACKAGES as
# above; VM also takes KERNELS, APPEND ARGUMENTS for the kernel, and ARGUMENTS of the script.
function(guard_package_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "CONTAINER;VM" "TIMEOUT;APPEND" "KERNELS;ARGUMENTS")
  guard_machine_defaults(300)
  guard_machine_options(options package ${name} ${ARGN})
  list(APPEND options --timeout ${arg_TIMEOUT} --debs ${PROJECT_BINARY_DIR}/packages)
  set(script ${CMAKE_CURRENT_SOURCE_DIR}/package/${name}.test)
  set(tests)
  if(arg_CONTAINER)
    list(APPEND tests package/${name})
    guard_command_test(package/${name} package ${deadline}
      ${CMAKE_CURRENT_SOURCE_DIR}/machines/container ${options} -- ${script})
  endif()
  if(arg_VM)
    if(arg_APPEND)
      list(APPEND options --append ${arg_APPEND})
    endif()
    foreach(kernel IN LISTS arg_KERNELS)
      list(APPEND tests package/${name}@${kernel})
      guard_command_test(package/${name}@${kernel} package ${deadline}
        ${CMAKE_CURRENT_SOURCE_DIR}/machines/vm --systemd --kernel ${kernel} ${options} -- ${script} ${arg_ARGUMENTS})
    endforeach()
  endif()
  if(NOT tests)
    set(tests package/${name})
    guard_command_test(package/${name} package ${arg_TIMEOUT} ${script})
  endif()
  if(name STREQUAL "build")
    set_tests_properties(${tests} PROPERTIES FIXTURES_SETUP packages)
  else()
    set_tests_properties(${tests} PROPERTIES FIXTURES_REQUIRED packages)
  endif()
endfunction()

# Fuzzers and benchmarks are built where they are wanted; tests/run does so in build/fuzz and build/release.
function(guard_fuzz_test name)
  if(GUARD_FUZZ)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SHORT" "" "")
    guard_test_program(${name}_fuzz fuzz_tests fuzz/${name}_fuzz.cc ${arg_UNPARSED_ARGUMENTS})
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    set(part 1)
    if(arg_SHORT)
      set(part 3)
    endif()
    add_test(NAME fuzz/${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/run $<TARGET_FILE:${name}_fuzz> ${name} ${part})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz)
  endif()
endfunction()

if(GUARD_BENCH)
  find_package(benchmark REQUIRED)
endif()

function(guard_benchmark name)
  if(GUARD_BENCH)
    guard_test_program(${name}_bench benchmarks bench/${name}_bench.cc ${ARGN} benchmark::benchmark_main)
    add_test(NAME bench/${name} COMMAND ${name}_bench --benchmark_min_time=0.1)
    set_tests_properties(bench/${name} PROPERTIES LABELS bench TIMEOUT 300 RUN_SERIAL ON)
  endif()
endfunction()

function(guard_comparison name)
  if(GUARD_BENCH)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
    guard_test_program(${name} benchmarks bench/${name}.cc ${arg_UNPARSED_ARGUMENTS})
    target_sources(${name} PRIVATE ${arg_SOURCES})
    target_compile_definitions(${name} PRIVATE GUARDD="$<TARGET_FILE:guardd>")
    add_dependencies(${name} guardd)
    guard_command_test(bench/${name} bench 600 $<TARGET_FILE:${name}>)
    set_tests_properties(bench/${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()
