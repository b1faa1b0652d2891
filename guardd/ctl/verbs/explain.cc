// explain: shows what would happen at a path, and why. Builds the question for policy/explain.

#include "policy/explain.h"

#include <cerrno>
#include <climits>

#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/backends.h"
#include "guardd/ctl/text/explain_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/files.h"
#include "guardd/host/path_facts.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

struct ExplainOptions {
  std::string path;
  std::string user = "root";
  std::vector<std::string> operations;
  std::string exe;
  std::string unit;
  std::string container;
  std::string image;
  std::string login;
  std::vector<std::string> labels;
  bool terminal = false;
};

// A question with the data that it refers to.
struct OwnedQuestion {
  ExplainQuestion question;
  std::vector<Gid> groups;
  std::string unit;
  std::string container;
  std::string image;
};

Error unknown_user(const std::string& name) {
  return Error("unknown user " + quote(name) + did_you_mean(name, SystemUsers().user_names()));
}

// A name needs an account; a number does not.
Result<Account> account_of(const std::string& text) {
  const SystemUsers users;
  auto number = parse_number(text);
  if (number == UINT_MAX) number.reset();  // not a user
  GUARD_TRY(auto account, number ? users.user(Uid{*number}) : users.user(text));
  if (account) return *std::move(account);
  if (number) return Account{text, Uid{*number}, Gid{*number}};
  return unknown_user(text);
}

Result<std::vector<Operation>> operations_of(const std::vector<std::string>& words) {
  std::vector<Operation> operations;
  for (const auto& said : words) {
    const auto operation = parse_word<Operation>(said);
    if (!operation)
      return Error("unknown operation " + quote(said) + did_you_mean(said, Words<Operation>::kAll));
    if (*operation == Operation::kScan) return Error("unknown operation " + quote(said));
    operations.push_back(*operation);
  }
  if (!operations.empty()) return operations;
  return all_operations();
}

Status add_subject(OwnedQuestion& asked, const ExplainOptions& options) {
  GUARD_TRY(const auto account, account_of(options.user));
  asked.groups = groups_of(account);
  asked.unit = options.unit;
  asked.container = options.container;
  asked.image = options.image;
  asked.question.user = account.name;
  auto& subject = asked.question.subject;
  subject.self.uid = account.uid;
  subject.self.gid = account.gid;
  subject.self.groups = asked.groups;
  subject.self.unit = asked.unit;
  subject.self.container = asked.container;
  subject.self.image = asked.image;
  subject.has_terminal = options.terminal;
  if (!options.login.empty()) {
    GUARD_TRY(const auto login, account_of(options.login));
    subject.self.login = login.uid;
  }
  if (!options.exe.empty()) {
    GUARD_TRY(const auto exe, SystemFiles().look_through(options.exe));
    if (!exe) return Error::from_errno(ENOENT, quote(options.exe));
    subject.self.exe = exe->id;
  }
  return {};
}

int explain(const Options& options, const ExplainOptions& asked) {
  if (asked.path.empty()) return misused("PATH is empty", "explain");
  const auto terminal = Terminal::detect(options.pager);
  OwnedQuestion full;
  auto operations = operations_of(asked.operations);
  if (!operations) {
    (void)fail(operations.error());
    return kUsage;
  }
  full.question.operations = *std::move(operations);
  for (const auto& said : asked.labels) {
    const auto label = parse_word<Label>(said);
    if (!label) {
      (void)fail(Error("unknown label " + quote(said) +
                       "; use package-manager, backup or config-management"));
      return kUsage;
    }
    full.question.subject.self.labels.add(*label);
  }
  if (const auto added = add_subject(full, asked); !added) return fail(added.error());
  add_path_facts(full.question, resolved_path(asked.path));

  const auto set = load_valid(options);
  if (!set) return kFailed;
  if (options.quiet && !options.json) return kDone;
  const auto explanation = explain(*set, full.question);
  if (options.json) {
    auto json = explanation_json(*set, explanation, full.question);
    json["backends"] = backends_json(probe_backends());
    return show_json(terminal, json) ? kDone : kFailed;
  }
  auto text = explanation_text(terminal, *set, explanation, full.question);
  if (explanation.policy) text += '\n' + backends_text(terminal, probe_backends());
  return terminal.show(text) ? kDone : kFailed;
}

}  // namespace

Run explain_verb(Arguments& arguments) {
  auto asked = std::make_shared<ExplainOptions>();
  arguments.required("path", asked->path);
  arguments.option("--user", asked->user);
  arguments.comma_separated("--op", asked->operations);
  arguments.option("--exe", asked->exe);
  arguments.option("--unit", asked->unit);
  arguments.option("--container", asked->container);
  arguments.option("--image", asked->image);
  arguments.option("--login", asked->login);
  arguments.comma_separated("--label", asked->labels);
  arguments.flag("--terminal", asked->terminal);
  return [asked](const Options& options) { return explain(options, *asked); };
}

}  // namespace guard::ctl
