// Takes any bytes as a policy file: reads, compiles, lints, identifies and explains it. Each
// message has a place and is harmless, and a second run gives the same messages.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "policy/base/text.h"
#include "policy/explain.h"
#include "tests/unit/fakes.h"

namespace {

using guard::testing::Attempt;
using guard::testing::World;

class Machine {
 public:
  Machine() {
    auto& files = world_.files;
    files.put("/usr/bin/dpkg");
    files.put("/usr/bin/script").is_script = true;
    files.put_directory("/");
    files.put_directory("/srv", guard::kRoot, guard::Gid{0}, guard::Mode{01777});
    files.put_directory("/srv/shop", guard::testing::kShop, guard::testing::kShopGroup);
    files.put_link("/srv/link", "/srv/shop");
  }
  const World& world() const { return world_; }

 private:
  World world_;
};

const World& world() {
  static const Machine machine;
  return machine.world();
}

void require(bool holds, std::string_view what, std::string_view text) {
  if (holds) return;
  std::cerr << what << ": " << guard::quote(text) << '\n';
  std::abort();
}

void check_diagnostics(const Attempt& attempt, std::string_view text) {
  for (const auto& diagnostic : attempt.diagnostics.all()) {
    const auto& [file, line, column] = diagnostic.place;
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    require(file == 0 && line >= 1 && column >= 1, "no place", diagnostic.message);
    require(line <= lines, "a line behind the end", diagnostic.message);
  }
  for (const auto& message : attempt.messages)
    require(guard::testing::is_harmless(message), "not harmless", message);
  require((attempt.set == nullptr) == attempt.diagnostics.has_errors(), "a set with errors", text);
}

void check_explanation(const guard::PolicySet& set, const std::string& path) {
  guard::ExplainQuestion question;
  question.path = path;
  question.user = "root";
  question.subject.self.uid = guard::kRoot;
  question.subject.self.gid = guard::Gid{0};
  for (std::size_t i = 0; i < guard::Words<guard::Operation>::kAll.size(); ++i)
    question.operations.push_back(static_cast<guard::Operation>(i));
  const auto explanation = guard::explain(set, question);
  const auto check = [](const guard::ExplainedStep& step) {
    require(guard::testing::is_harmless(step.text), "not harmless", step.text);
    require(step.file.empty() == (step.line == 0), "half a place", step.text);
  };
  for (const auto& step : explanation.steps) check(step);
  for (const auto& operation : explanation.operations) {
    require(guard::testing::is_harmless(operation.because), "not harmless", operation.because);
    for (const auto& step : operation.steps) check(step);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto attempt = world().load(text);
  check_diagnostics(attempt, text);
  if (!attempt.set) return 0;

  const auto again = world().load(text + "\n# the same");
  require(again.set && again.set->identity() == attempt.set->identity(), "another identity", text);
  require(again.messages == attempt.messages, "other messages", text);
  for (const auto& tree : attempt.set->trees()) {
    const auto inside = tree.path + "/conf/a.key";
    const auto* found = attempt.set->tree_of(inside);
    require(found && found->path.size() >= tree.path.size(), "not in its own tree", inside);
    check_explanation(*attempt.set, inside);
  }
  check_explanation(*attempt.set, "/srv/shop/conf/keystore");
  return 0;
}
