#include "guardd/base/rules.h"

#include <iostream>
#include <utility>

#include "guardd/host/files.h"
#include "guardd/host/policy_directories.h"
#include "guardd/host/remembered_users.h"

namespace guard {
namespace {

void add_messages(const Diagnostics& diagnostics, RulesRead& read) {
  for (const auto& diagnostic : diagnostics.all()) {
    read.messages.push_back(diagnostics.format(diagnostic));
    if (diagnostic.kind == Diagnostic::Kind::kError) read.errors.push_back(read.messages.back());
  }
}

Rules make_rules(const Config& config, const LoadResult& loaded, RuleTexts texts,
                 const Files& files) {
  Rules rules{config, loaded.set, {}, std::move(texts)};
  for (const auto& policy : loaded.set->policies())
    rules.limits.push_back(tree_limits(policy, files));
  return rules;
}

}  // namespace

void RulesRead::print() const {
  for (const auto& message : messages) std::cerr << message + '\n';
}

RulesRead read_rules(const std::string& config_file,
                     const std::vector<std::string>& policy_directories, std::uint64_t generation) {
  RulesRead read;
  Diagnostics diagnostics;
  std::optional<FileText> settings;
  const auto config = load_config(config_file, diagnostics, &settings);
  add_messages(diagnostics, read);
  const SystemUsers system;
  const RecordedUsers users(system);
  const SystemFiles files(false);
  auto loaded = load_policy_directories(policy_directories, generation, users, files);
  if (!loaded) {
    read.errors.push_back(loaded.error().text());
    read.messages.push_back(loaded.error().text());
    return read;
  }
  add_messages(loaded->diagnostics, read);
  if (!config || !loaded->set) return read;
  read.rules = make_rules(*config, *loaded,
                          {std::move(settings), std::move(loaded->texts), users.known().text(),
                           std::chrono::system_clock::now()},
                          files);
  return read;
}

RulesRead restore_rules(const RuleTexts& texts, std::uint64_t generation) {
  RulesRead read;
  Diagnostics diagnostics;
  Config config;
  if (texts.settings)
    config =
        read_config(texts.settings->text, diagnostics.add_file(texts.settings->path), diagnostics);
  add_messages(diagnostics, read);
  const SystemUsers system;
  const RememberedUsers remembered(system, KnownAccounts::parse(texts.accounts));
  const RecordedUsers users(remembered);
  const SystemFiles files(false);
  const auto loaded = load_again(texts.policies, generation, users, files);
  add_messages(loaded.diagnostics, read);
  if (!read.errors.empty()) return read;
  read.rules = make_rules(
      config, loaded, {texts.settings, texts.policies, users.known().text(), texts.read_at}, files);
  read.rules->were_restored = true;
  return read;
}

}  // namespace guard
