// The result of a check of doctor: what was examined, the finding, why it matters, and the fix.
// Checks only read; each group has a file of its own. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "policy/base/result.h"
#include "policy/words.h"

namespace guard::doctor {

using machine::Machine;

enum class Mark : std::uint8_t { kOk, kWarn, kFail, kSkipped };

// All texts are printable and have no line ends.
struct Check {
  std::string group;
  std::string name;
  Mark mark = Mark::kOk;
  std::string finding;  // one sentence
  std::string why;      // it matters; may be empty if the check passed
  std::string repair;   // a command, or what to write where
};
using Checks = std::vector<Check>;

// Collects the checks of one group.
class Group {
 public:
  explicit Group(std::string name) : name_(std::move(name)) {}

  // `why`: what the check protects; shown with --all.
  void ok(const std::string& name, const std::string& finding, const std::string& why = "") {
    add(name, Mark::kOk, finding, why, "");
  }
  void warn(const std::string& name, const std::string& finding, const std::string& why,
            const std::string& repair) {
    add(name, Mark::kWarn, finding, why, repair);
  }
  void fail(const std::string& name, const std::string& finding, const std::string& why,
            const std::string& repair) {
    add(name, Mark::kFail, finding, why, repair);
  }
  // The check cannot be made; the finding says why.
  void skip(const std::string& name, const std::string& finding, const std::string& repair = "") {
    add(name, Mark::kSkipped, finding, "", repair);
  }
  // The same, because `path` cannot be read.
  void skip(const std::string& name, const std::string& path, const Error& error);

  bool is_empty() const { return checks_.empty(); }
  Checks take() { return std::move(checks_); }

 private:
  void add(const std::string& name, Mark mark, const std::string& finding, const std::string& why,
           const std::string& repair);

  std::string name_;
  Checks checks_;
};

}  // namespace guard::doctor

namespace guard {
template <>
struct Words<doctor::Mark> {
  static constexpr std::array<std::string_view, 4> kAll{"ok", "warn", "fail", "skipped"};
};
}  // namespace guard
