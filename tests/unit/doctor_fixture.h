// A machine whose files a test writes, and the checks of doctor on it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"
#include "tests/unit/fakes.h"

namespace guard::doctor {

// For messages of failed tests.
inline void PrintTo(const Check& check, std::ostream* out) {  // NOLINT: GoogleTest's name
  *out << check.group << '/' << check.name << ' ' << word(check.mark) << ": " << check.finding
       << " (" << check.why << ") [" << check.repair << ']';
}

}  // namespace guard::doctor

namespace guard::testing {

using machine::Machine;

class PlantedMachine : public ::testing::Test {
 protected:
  void plant(const std::string& path, const std::string& text) {
    const auto real = root_ / path.substr(1);
    std::filesystem::create_directories(std::filesystem::path(real).parent_path());
    std::ofstream(real) << text;
  }
  void plant_link(const std::string& path, const std::string& target) {
    const auto real = root_ / path.substr(1);
    std::filesystem::create_directories(std::filesystem::path(real).parent_path());
    std::filesystem::create_symlink(target, real);
  }
  void plant_directory(const std::string& path) { (void)root_.directory(path.substr(1)); }
  void remove(const std::string& path) { std::filesystem::remove_all(root_ / path.substr(1)); }

  Machine machine() const { return *Machine::open(root_ / ""); }

  TemporaryDirectory root_;
};

inline Machine running_machine() {
  return *Machine::open("/");
}

// The first check with this name; an empty one if there is none.
inline doctor::Check check_of(const doctor::Checks& checks, const std::string& name) {
  const auto found = std::find_if(checks.begin(), checks.end(),
                                  [&](const auto& check) { return check.name == name; });
  if (found != checks.end()) return *found;
  ADD_FAILURE() << "there is no check " << name;
  return {};
}

inline bool is_silent_about(const doctor::Checks& checks, const std::string& name) {
  return std::none_of(checks.begin(), checks.end(),
                      [&](const auto& check) { return check.name == name; });
}

// Expects this mark. A warning or failure must say why it matters and what to do, one line each.
inline void expect(const doctor::Check& check, doctor::Mark mark, const std::string& finding = "",
                   const std::string& repair = "") {
  EXPECT_EQ(word(check.mark), word(mark)) << ::testing::PrintToString(check);
  EXPECT_NE(check.finding.find(finding), std::string::npos) << ::testing::PrintToString(check);
  EXPECT_NE(check.repair.find(repair), std::string::npos) << ::testing::PrintToString(check);
  const bool is_bad = mark == doctor::Mark::kWarn || mark == doctor::Mark::kFail;
  if (is_bad) {
    EXPECT_FALSE(check.why.empty()) << ::testing::PrintToString(check);
    EXPECT_FALSE(check.repair.empty()) << ::testing::PrintToString(check);
  }
  for (const auto& text : {check.finding, check.why, check.repair})
    EXPECT_TRUE(is_harmless(text)) << text;
}

inline bool all_well(const doctor::Checks& checks) {
  for (const auto& check : checks)
    if (check.mark == doctor::Mark::kWarn || check.mark == doctor::Mark::kFail) {
      ADD_FAILURE() << ::testing::PrintToString(check);
      return false;
    }
  return true;
}

}  // namespace guard::testing
