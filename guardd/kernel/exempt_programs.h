// Finds the program files that exemptions and labels name, by inode, as the kernel looks them up.
// Keeps no state, writes nothing. Any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "bpf/wire/wire.h"
#include "guardd/who/labels.h"

namespace guard {

struct ExemptPrograms {
  struct Id {
    std::uint64_t inode = 0;
    std::uint32_t device = 0;
    std::uint32_t owner = 0;
    friend auto operator<=>(const Id&, const Id&) = default;  // NOLINT(modernize-use-nullptr)
  };

  std::map<Id, Program> programs;
  std::map<std::string, std::uint32_t> scripts;  // labels, by comm
  // Scripts that the kernel cannot identify because of their interpreter ("#!/usr/bin/env
  // python3").
  std::map<Id, LabelledPath> hidden;
  // Directories in which a change can change any of this. They may not exist.
  std::set<std::string> directories;
};

// `exes`: exemptions by path. A label counts only for a file that no user but root can have
// written.
ExemptPrograms find_programs(const std::map<std::string, std::uint64_t>& exes,
                             const std::vector<LabelledPath>& labelled);

}  // namespace guard
