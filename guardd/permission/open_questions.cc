#include "guardd/permission/open_questions.h"

#include <climits>
#include <utility>

#include "guardd/helpers/owner_form.h"

namespace guard {
namespace {

constexpr std::size_t kMostOwnerGroups = 65'536;
constexpr std::size_t kLongestFailure = 1024;
constexpr auto kLongestRemoval = std::chrono::seconds(5);

// Who can delay the answer: a file system. None has this number.
constexpr std::uint64_t kFileSystem = std::uint64_t{1} << 63U;

void ask(HelperPort& port, OpenRequest kind, std::string contents, HelperQuestion question,
         OpenRequestReply reply) {
  question.kind = static_cast<std::uint32_t>(kind);
  question.contents = std::move(contents);
  port.ask(std::move(question), [reply = std::move(reply)](const Result<HelperRecord>& answer) {
    if (!answer) return reply(answer.error());
    ContentsReader in(answer->contents);
    auto failure = in.text(kLongestFailure);
    if (!in.is_whole()) return reply(Error("a helper process answered what was not asked"));
    reply(failure.empty() ? Status() : Status(Error(std::move(failure))));
  });
}

}  // namespace

std::string write_question(const NewFileFix& fix) {
  ContentsWriter out;
  out.number(fix.maker.value);
  write_owner(out, fix.wanted);
  out.optional_number(fix.mode ? std::optional(fix.mode->value) : std::nullopt);
  return out.take();
}

std::optional<NewFileFix> read_fix(std::string_view contents) {
  ContentsReader in(contents);
  NewFileFix fix;
  fix.maker.value = in.number<decltype(Uid::value)>();
  fix.wanted = read_owner(in);
  if (const auto mode = in.optional_number<decltype(Mode::value)>()) fix.mode = Mode{*mode};
  return in.is_whole() ? std::optional(fix) : std::nullopt;
}

std::string write_question(const MadeFileRemoval& removal) {
  ContentsWriter out;
  out.text(removal.tree);
  out.text(removal.path);
  out.number(removal.file.device);
  out.number(removal.file.inode);
  write_owner(out, removal.owner);
  for (const auto group : removal.groups) out.number(group.value);
  return out.take();
}

std::optional<MadeFileRemoval> read_removal(std::string_view contents) {
  ContentsReader in(contents);
  MadeFileRemoval removal;
  removal.tree = in.text(PATH_MAX);
  removal.path = in.text(kMostContents);
  removal.file.device = in.number<std::uint64_t>();
  removal.file.inode = in.number<std::uint64_t>();
  removal.owner = read_owner(in);
  while (in.is_valid() && !in.at_end() && removal.groups.size() < kMostOwnerGroups)
    removal.groups.push_back(Gid{in.number<decltype(Gid::value)>()});
  return in.is_whole() ? std::optional(std::move(removal)) : std::nullopt;
}

std::string write_failure(const Status& done) {
  ContentsWriter out;
  out.text(done ? std::string_view()
                : std::string_view(done.error().text()).substr(0, kLongestFailure));
  return out.take();
}

void ask_to_fix(HelperPort& port, const NewFileFix& fix, int file, std::uint64_t device,
                std::chrono::milliseconds limit, OpenRequestReply reply) {
  HelperQuestion question;
  question.delayed_by = kFileSystem | device;
  question.limit = limit;
  question.descriptor = file;
  ask(port, OpenRequest::kFix, write_question(fix), std::move(question), std::move(reply));
}

void ask_to_remove(HelperPort& port, const MadeFileRemoval& removal, OpenRequestReply reply) {
  HelperQuestion question;
  question.delayed_by = kFileSystem | removal.file.device;
  question.limit = kLongestRemoval;
  ask(port, OpenRequest::kRemove, write_question(removal), std::move(question), std::move(reply));
}

}  // namespace guard
