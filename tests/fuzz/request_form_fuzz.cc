// What a request process says, and what it is asked for, read as each kind. Input: the kind in one
// byte, then the message.
#include <cstdint>
#include <memory>
#include <string_view>

#include "guardd/request_process/request_form.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::require;

guard::PolicySet make_policies() {
  guard::Policy policy;
  policy.said.name.value = "shop";
  policy.wanted.owner = {guard::Uid{5}, "shop"};
  policy.wanted.group = {guard::Gid{5}, "shop"};
  return {{policy}, {{"/srv/shop", 0, {}}, {"/srv/other", 0, {}}}, {}, 1};
}

void check_contents(unsigned kind, std::string_view contents) {
  static const auto set = make_policies();
  static const guard::ManualScan asked{{{1, ""}}, true, false};
  constexpr std::size_t kFixes = 3;
  switch (kind % 8) {
    case 0:
      if (const auto request = guard::read_scan_request(contents, set))
        for (const auto& target : request->scan.targets)
          require(target.tree < set.trees().size(), "no such tree", contents);
      return;
    case 1:
      return (void)guard::read_fixes(contents);
    case 2:
      return (void)guard::read_progress(contents);
    case 3:
      if (const auto findings = guard::read_manual_findings(contents, set, asked))
        for (const auto& [tree, path, outcome] : *findings)
          require(tree == 1 &&
                      (outcome.what != guard::RepairResult::kFixed || outcome.verdict.violation()),
                  "what was not asked about, or what was right, is fixed", contents);
      return;
    case 4:
      if (const auto counted = guard::read_counted(contents, asked))
        require(counted->tree == 1, "a tree that was not asked about", contents);
      return;
    case 5:
      return (void)guard::read_scan_report(contents);
    case 6:
      if (const auto files = guard::read_restored(contents, kFixes))
        for (const auto& file : *files) require(file.fix < kFixes, "no such file", contents);
      return;
    default:
      if (const auto files = guard::read_unrestored(contents, kFixes))
        for (const auto& file : *files) require(file.fix < kFixes, "no such file", contents);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  guard::fuzz::Input input(data, size);
  const auto kind = input.number<std::uint8_t>();
  check_contents(kind, input.rest());
  return 0;
}
