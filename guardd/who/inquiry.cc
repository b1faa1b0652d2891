#include "guardd/who/inquiry.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "guardd/who/container.h"
#include "guardd/who/inquiry_form.h"

namespace guard {
namespace {

constexpr std::size_t kLongestHint = 256;
constexpr std::size_t kMostParts = 65'536;

// Users who delay answers, the directory service, which can be slow for every user, the root of a
// container, who need not be that of this machine, and a file system, which can be anyone's. What
// people ask must not delay what records need.
constexpr std::uint64_t kDirectoryService = 1ULL << 32U;
constexpr std::uint64_t kContainer = 1ULL << 33U;
constexpr std::uint64_t kFileSystem = 1ULL << 34U;
constexpr std::uint64_t kAskedByPeople = 1ULL << 35U;

HelperQuestion question(Inquiry kind, ContentsWriter& contents, std::uint64_t delayed_by) {
  HelperQuestion asked;
  asked.kind = static_cast<std::uint32_t>(kind);
  asked.contents = contents.take();
  asked.delayed_by = delayed_by;
  asked.limit = kLongestInquiry;
  return asked;
}

template <typename Value>
using Parse = std::optional<Value> (*)(std::string_view contents);

template <typename Value>
HelperReply parsed(Parse<Value> parse, std::function<void(std::optional<Value>)> reply) {
  return [parse, reply = std::move(reply)](const Result<HelperRecord>& part) {
    reply(part ? parse(part->contents) : std::nullopt);
  };
}

void ask_for_name(HelperPort& port, Inquiry what, std::uint32_t id, NameReply reply) {
  ContentsWriter contents;
  contents.number(id);
  auto asked = question(what, contents, kDirectoryService);
  asked.limit = kLongestUserLookup;
  port.ask(std::move(asked), parsed<std::string>(parse_name, std::move(reply)));
}

}  // namespace

void ask_for_processes(HelperPort& port, const std::vector<WantedProcess>& wanted, Uid by,
                       ProcessesReply reply) {
  ContentsWriter contents;
  write_wanted(contents, wanted);
  port.ask(question(Inquiry::kProcesses, contents, by.value),
           [count = wanted.size(), reply = std::move(reply)](const Result<HelperRecord>& part) {
             auto facts = part ? parse_processes(part->contents, count) : std::nullopt;
             reply(facts ? *std::move(facts) : std::vector<std::optional<ProcessFacts>>());
           });
}

void ask_for_all_processes(HelperPort& port, AllProcessesReply reply) {
  ContentsWriter contents;
  auto asked = question(Inquiry::kAll, contents, 0);
  asked.limit = kLongestListing;
  asked.most_parts = kMostParts;
  port.ask(std::move(asked), [reply = std::move(reply)](const Result<HelperRecord>& part) {
    auto some = part ? parse_all_processes(part->contents) : std::nullopt;
    reply(some ? *std::move(some) : std::vector<KnownProcess>(), !part || part->is_last);
  });
}

void ask_for_executable(HelperPort& port, const std::string& path, InodeId kernel_id, Uid by,
                        ExecutableReply reply) {
  ContentsWriter contents;
  contents.text(path);
  contents.number(kernel_id.device);
  contents.number(kernel_id.inode);
  port.ask(question(Inquiry::kExecutable, contents, by.value),
           parsed<InodeId>(parse_executable, std::move(reply)));
}

void ask_for_hints(HelperPort& port, const std::vector<WantedProcess>& family, Uid by,
                   HintsReply reply) {
  ContentsWriter contents;
  write_wanted(contents, family);
  port.ask(question(Inquiry::kHints, contents, by.value),
           parsed<Hints>(parse_hints, std::move(reply)));
}

void ask_for_name(HelperPort& port, Uid user, NameReply reply) {
  ask_for_name(port, Inquiry::kUser, user.value, std::move(reply));
}

void ask_for_name(HelperPort& port, Gid group, NameReply reply) {
  ask_for_name(port, Inquiry::kGroup, group.value, std::move(reply));
}

void ask_for_account(HelperPort& port, Uid user, AccountReply reply) {
  ContentsWriter contents;
  contents.number(user.value);
  auto asked = question(Inquiry::kAccount, contents, kAskedByPeople);
  asked.limit = kLongestUserLookup;
  port.ask(std::move(asked), parsed<KnownAccount>(parse_account, std::move(reply)));
}

void ask_for_path(HelperPort& port, const std::string& path, PathReply reply) {
  ContentsWriter contents;
  contents.text(path);
  const auto place = static_cast<std::uint32_t>(std::hash<std::string>()(path));
  auto asked = question(Inquiry::kPath, contents, kFileSystem | place);
  asked.limit = kLongestLook;
  port.ask(std::move(asked), parsed<PathState>(parse_path, std::move(reply)));
}

void ask_for_word(HelperPort& port, std::int32_t thread, std::uint64_t address, Uid by,
                  WordReply reply) {
  ContentsWriter contents;
  contents.number(thread);
  contents.number(address);
  port.ask(question(Inquiry::kWord, contents, by.value),
           parsed<std::uint64_t>(parse_word, std::move(reply)));
}

void ask_for_container(HelperPort& port, const std::string& group, Uid by, ContainerReply reply) {
  ContentsWriter contents;
  contents.text(group);
  port.ask(question(Inquiry::kContainer, contents, by.value),
           parsed<KnownContainer>(parse_container, std::move(reply)));
}

void ask_for_container_user(HelperPort& port, const std::string& container, Uid user,
                            NameReply reply) {
  const auto of_user = user_of_group(container);
  ContentsWriter contents;
  contents.text(container);
  contents.number(user.value);
  const auto delayed_by =
      of_user && *of_user != kRoot
          ? of_user->value
          : kContainer | static_cast<std::uint32_t>(std::hash<std::string>()(container));
  port.ask(question(Inquiry::kContainerUser, contents, delayed_by),
           parsed<std::string>(parse_name, std::move(reply)));
}

Hints hints_in(std::string_view environment) {
  Hints hints;
  std::string_view client;
  while (!environment.empty()) {
    const auto entry = environment.substr(0, environment.find('\0'));
    environment.remove_prefix(std::min(entry.size() + 1, environment.size()));
    const auto value = entry.substr(std::min(entry.find('=') + 1, entry.size()));
    if (value.size() > kLongestHint) continue;
    if (entry.starts_with("SUDO_USER=")) hints.sudo_user = value;
    if (entry.starts_with("SSH_CONNECTION=")) hints.ssh = value;
    if (entry.starts_with("SSH_CLIENT=")) client = value;
  }
  if (hints.ssh.empty()) hints.ssh = client;
  return hints;
}

}  // namespace guard
