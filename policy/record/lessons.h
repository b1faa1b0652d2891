// Who violated a policy in a period of time, and which files they left: the input of guardctl
// learn. Plain data; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/record/report.h"

namespace guard {

struct LessonSubject {
  std::optional<std::string> exe;
  std::optional<std::string> unit;
  std::optional<Uid> fsuid;
  std::optional<std::string> person;  // the login user, or the person behind the process
  std::optional<std::string> label;
  bool has_terminal = false;
  Tally tally;
  EnumSet<Operation> operations;
  std::vector<std::string> examples;  // the first paths, raw
};

// A file with another owner or group than the policy wants.
struct LessonFile {
  std::string path;
  Uid uid;
  Gid gid;
  bool is_mixed = false;   // not always the same
  bool by_person = false;  // at least once by an interactive user
  std::uint64_t count = 0;
};

struct Lessons {
  Tally all;
  std::vector<LessonSubject> subjects;  // highest count first
  Tally others;                         // subjects without a row
  std::vector<LessonFile> files;
  std::uint64_t more_files = 0;            // files without a row
  std::optional<Tally::TimePoint> oldest;  // the oldest record in the trail
};

}  // namespace guard
