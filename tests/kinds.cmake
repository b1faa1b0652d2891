# The kinds of test there are; each takes one line to add.
#
#   guard_unit_test(glob guard_policy)      tests/unit/glob_test.cc, needs no root
#
include(GoogleTest)
find_package(GTest REQUIRED)

function(guard_unit_test name)
  guard_program(${name}_test unit/${name}_test.cc)
  target_link_libraries(${name}_test PRIVATE ${ARGN} GTest::gmock_main)
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX unit/
                       PROPERTIES LABELS unit TIMEOUT 60)
endfunction()
