// The programs that exemptions and labels speak of, as they lie on this machine at this moment: by
// inode, which is all that the kernel looks at. Remembers nothing, writes nothing. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bpf/wire/wire.h"
#include "guardd/who/labels.h"

namespace guard {

struct ExemptPrograms {
  using Id = std::pair<std::uint64_t, std::uint32_t>;  // inode and device

  std::map<Id, Program> programs;
  std::map<std::string, std::uint32_t> scripts;  // labels by comm
  // Started through something that hides them ("#!/usr/bin/env python3").
  std::map<Id, LabelledPath> hidden;
  // Where a change can mean that all this is different, there or not.
  std::set<std::string> directories;
};

// `exes`: exemptions by path. A label counts only for what root alone could have put there.
ExemptPrograms find_programs(const std::map<std::string, std::uint64_t>& exes,
                             const std::vector<LabelledPath>& labelled);

}  // namespace guard
