// What the repair process says, and what it is asked for, read as each kind. Input: the kind in one
// byte, then the message.
#include <cstdint>
#include <memory>
#include <string_view>

#include "guardd/host/remembered_users.h"
#include "guardd/repair_process/repair_form.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::require;

std::shared_ptr<const guard::PolicySet> make_policies() {
  guard::RepairRules rules;
  // Their identity does not count here.
  rules.texts = {{"shop.toml",
                  "[[policy]]\nname = \"shop\"\npaths = [\"/srv/shop\"]\nowner = 5\ngroup = 5\n"
                  "action = \"fix\"\nfile_mode = \"0640\"\n"}};
  const guard::KnownUsers users{guard::KnownAccounts()};
  class : public guard::Files {
   public:
    guard::Result<std::optional<guard::PathFacts>> look(const std::string&) const override {
      return std::optional<guard::PathFacts>();
    }
    guard::Result<std::optional<guard::PathFacts>> look_through(const std::string&) const override {
      return std::optional<guard::PathFacts>();
    }
  } files;
  return guard::load_again(rules.texts, 1, users, files).set;
}

void check(const guard::RepairOutcome& outcome, std::string_view contents) {
  require(outcome.what != guard::RepairResult::kFixed || outcome.verdict.violation(),
          "what was right is fixed", contents);
}

void check_contents(unsigned kind, std::string_view contents) {
  static const auto set = make_policies();
  require(set != nullptr, "no policies", contents);
  const auto set_of = [](std::uint64_t number) { return number == 1 ? set : nullptr; };
  switch (kind % 7) {
    case 0:
      if (const auto orders = guard::read_orders(contents, set_of))
        for (const auto& order : *orders)
          require(order.set && order.tree < set->trees().size(), "no such tree", contents);
      return;
    case 1:
      if (const auto reports =
              guard::read_reports(contents, [](std::uint64_t) { return &set->policies()[0]; }))
        for (const auto& report : *reports) check(report.outcome, contents);
      return;
    case 2: {
      const guard::ScanOrder order{1, set, 0, "fs"};
      if (const auto all = guard::read_findings(contents, [&](std::uint64_t) { return &order; }))
        for (const auto& finding : *all) check(finding.outcome, contents);
      return;
    }
    case 3:
      if (const auto rules = guard::read_rules_of(contents)) {
        require(guard::read_rules_of(guard::write_rules(*rules)).has_value(), "not read again",
                contents);
        (void)guard::make_set(*rules);
      }
      return;
    case 4:
      return (void)guard::read_scan_order(contents, set_of);
    case 5:
      return (void)guard::read_files_left_alone(contents);
    default:
      (void)guard::read_terms(contents);
      (void)guard::read_paths(contents);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  guard::fuzz::Input input(data, size);
  const auto kind = input.number<std::uint8_t>();
  check_contents(kind, input.rest());
  return 0;
}
