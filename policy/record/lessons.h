// Who broke a policy within a time, and what they left behind: what guardctl learn proposes from.
// Plain; any thread.
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
  std::optional<std::string> person;  // whose login it was, or who is behind it
  std::optional<std::string> label;
  bool has_terminal = false;
  Tally tally;
  EnumSet<Operation> operations;
  std::vector<std::string> examples;  // the first paths, raw
};

// A file that was found with another owner or group than the wanted one.
struct LessonFile {
  std::string path;
  Uid uid;
  Gid gid;
  bool is_mixed = false;   // not always the same
  bool by_person = false;  // once at least by somebody at a terminal
  std::uint64_t count = 0;
};

struct Lessons {
  Tally all;
  std::vector<LessonSubject> subjects;  // the heaviest first
  Tally others;                         // of subjects that have no row
  std::vector<LessonFile> files;
  std::uint64_t more_files = 0;            // that have no row
  std::optional<Tally::TimePoint> oldest;  // how far back the trail reaches
};

}  // namespace guard
