#include "guardd/who/inquiry_form.h"

#include <climits>
#include <utility>

#include "bpf/wire/tracer_wire.h"

namespace guard {
namespace {

constexpr std::size_t kMostPath = PATH_MAX;
constexpr std::size_t kMostResolved = std::size_t{4} * PATH_MAX;  // links can make a path longer
constexpr std::size_t kMostName = 256;
constexpr std::size_t kMostCommandLine = kRecordedArguments + 8;  // and "…"
constexpr std::size_t kMostGroups = 1024;
constexpr std::size_t kMostInOneRecord = 4096;

void write_inode(ContentsWriter& out, InodeId id) {
  out.number(id.device);
  out.number(id.inode);
}

InodeId read_inode(ContentsReader& in) {
  const auto device = in.number<std::uint64_t>();
  return {device, in.number<std::uint64_t>()};
}

void write_groups(ContentsWriter& out, const std::vector<Gid>& groups) {
  const auto count = std::min(groups.size(), kMostGroups);
  out.number(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) out.number(groups[i].value);
}

std::vector<Gid> read_groups(ContentsReader& in) {
  std::vector<Gid> groups;
  const auto count = std::min<std::size_t>(in.number<std::uint32_t>(), kMostGroups);
  while (in.is_valid() && groups.size() < count) groups.push_back(Gid{in.number<std::uint32_t>()});
  return groups;
}

template <typename Id>
void write_id(ContentsWriter& out, const std::optional<Id>& id) {
  out.optional_number(id ? std::optional(id->value) : std::nullopt);
}

template <typename Id>
std::optional<Id> read_id(ContentsReader& in) {
  const auto value = in.optional_number<std::uint32_t>();
  return value ? std::optional(Id{*value}) : std::nullopt;
}

void write_image(ContentsWriter& out, const Image& image) {
  out.optional_text(image.exe);
  out.number(static_cast<std::uint8_t>(image.id.has_value()));
  if (image.id) write_inode(out, *image.id);
  out.optional_text(image.cmdline);
  std::uint32_t labels = 0;
  image.labels.each([&](Label label) { labels |= 1U << static_cast<unsigned>(label); });
  out.number(labels);
}

Image read_image(ContentsReader& in) {
  Image image;
  image.exe = in.optional_text(kMostPath);
  if (in.flag()) image.id = read_inode(in);
  image.cmdline = in.optional_text(kMostCommandLine);
  const auto labels = in.number<std::uint32_t>();
  for (unsigned i = 0; i < Words<Label>::kAll.size(); ++i)
    if ((labels & 1U << i) != 0) image.labels.add(static_cast<Label>(i));
  return image;
}

}  // namespace

void write_wanted(ContentsWriter& out, const std::vector<WantedProcess>& wanted) {
  out.number(static_cast<std::uint32_t>(wanted.size()));
  for (const auto& each : wanted) {
    out.number(each.pid);
    out.number(each.start);
    out.number(static_cast<std::uint8_t>(each.wants_image));
  }
}

std::vector<WantedProcess> read_wanted(ContentsReader& in) {
  std::vector<WantedProcess> wanted;
  const auto count = in.number<std::uint32_t>();
  while (in.is_valid() && wanted.size() < std::min<std::size_t>(count, kMostWantedProcesses)) {
    WantedProcess each;
    each.pid = in.number<std::int32_t>();
    each.start = in.number<std::uint64_t>();
    each.wants_image = in.flag();
    wanted.push_back(each);
  }
  return wanted;
}

void write_facts(ContentsWriter& out, const ProcessFacts& facts) {
  out.text(facts.comm);
  out.number(static_cast<std::uint8_t>(facts.image != nullptr));
  if (facts.image) write_image(out, *facts.image);
  out.optional_text(facts.cwd);
  out.optional_text(facts.cgroup);
}

ProcessFacts read_facts(ContentsReader& in) {
  ProcessFacts facts;
  facts.comm = in.text(kMostName);
  if (in.flag()) facts.image = std::make_shared<const Image>(read_image(in));
  facts.cwd = in.optional_text(kMostPath);
  facts.cgroup = in.optional_text(kMostPath);
  return facts;
}

// Fails safe: an allow for a group beyond the bound does not match.
void write_ids(ContentsWriter& out, const Snapshot& process) {
  out.number(process.pid);
  out.number(process.start);
  out.number(process.parent);
  out.optional_text(process.comm);
  write_id(out, process.uid);
  write_id(out, process.euid);
  write_id(out, process.fsuid);
  write_id(out, process.gid);
  write_id(out, process.login);
  out.optional_number(process.session);
  out.number(process.tty);
  write_groups(out, process.groups);
}

Snapshot read_ids(ContentsReader& in) {
  Snapshot process;
  process.pid = in.number<std::int32_t>();
  process.start = in.number<std::uint64_t>();
  process.parent = in.number<std::int32_t>();
  process.comm = in.optional_text(kMostName);
  process.uid = read_id<Uid>(in);
  process.euid = read_id<Uid>(in);
  process.fsuid = read_id<Uid>(in);
  process.gid = read_id<Gid>(in);
  process.login = read_id<Uid>(in);
  process.session = in.optional_number<std::uint32_t>();
  process.tty = in.number<std::uint32_t>();
  process.groups = read_groups(in);
  return process;
}

void write_container(ContentsWriter& out, const std::optional<KnownContainer>& container) {
  out.number(static_cast<std::uint8_t>(container.has_value()));
  if (!container) return;
  for (const auto* each :
       {&container->name, &container->image, &container->pod, &container->allow_name})
    out.text(*each);
  out.number(static_cast<std::uint8_t>(container->is_of_root));
  out.number(container->group);
}

void write_account(ContentsWriter& out, const KnownAccount& known) {
  out.text(std::string_view(known.account.name).substr(0, kMostName));
  out.number(known.account.uid.value);
  out.number(known.account.gid.value);
  write_groups(out, known.groups);
}

void write_path(ContentsWriter& out, const PathState& state) {
  out.text(std::string_view(state.path).substr(0, kMostResolved));
  out.number(static_cast<std::uint8_t>(state.present.has_value()));
  if (state.present) {
    const auto& [type, uid, gid, mode, links, times] = *state.present;
    out.number(static_cast<std::uint8_t>(type));
    out.number(uid.value);
    out.number(gid.value);
    out.number(mode.value);
    out.number(links);
  }
  write_id(out, state.parents_group);
  out.text(std::string_view(state.unseen).substr(0, kMostName));
  out.number(static_cast<std::uint8_t>(state.cannot_chown));
}

void write_hints(ContentsWriter& out, const Hints& hints) {
  out.text(hints.sudo_user);
  out.text(hints.ssh);
}

std::optional<std::vector<std::optional<ProcessFacts>>> parse_processes(std::string_view contents,
                                                                        std::size_t wanted) {
  ContentsReader in(contents);
  std::vector<std::optional<ProcessFacts>> all;
  for (std::size_t i = 0; i < wanted && in.is_valid(); ++i)
    all.push_back(in.flag() ? std::optional(read_facts(in)) : std::nullopt);
  return in.is_whole() ? std::optional(std::move(all)) : std::nullopt;
}

std::optional<std::vector<KnownProcess>> parse_all_processes(std::string_view contents) {
  ContentsReader in(contents);
  std::vector<KnownProcess> all;
  while (in.is_valid() && !in.at_end() && all.size() < kMostInOneRecord) {
    auto ids = read_ids(in);
    if (ids.pid <= 0) return std::nullopt;
    all.push_back({std::move(ids), read_facts(in)});
  }
  return in.is_whole() ? std::optional(std::move(all)) : std::nullopt;
}

std::optional<InodeId> parse_executable(std::string_view contents) {
  ContentsReader in(contents);
  const auto id = read_inode(in);
  return in.is_whole() ? std::optional(id) : std::nullopt;
}

std::optional<Hints> parse_hints(std::string_view contents) {
  ContentsReader in(contents);
  Hints hints;
  hints.sudo_user = in.text(kMostName);
  hints.ssh = in.text(kMostName);
  return in.is_whole() ? std::optional(std::move(hints)) : std::nullopt;
}

std::optional<std::string> parse_name(std::string_view contents) {
  ContentsReader in(contents);
  auto name = in.optional_text(kMostName);
  return in.is_whole() ? name : std::nullopt;
}

std::optional<KnownContainer> parse_container(std::string_view contents) {
  ContentsReader in(contents);
  if (!in.flag()) return std::nullopt;
  KnownContainer container;
  container.name = in.text(kMostName);
  container.image = in.text(kMostName);
  container.pod = in.text(2 * kMostName);
  container.allow_name = in.text(2 * kMostName);
  container.is_of_root = in.flag();
  container.group = in.number<std::uint64_t>();
  return in.is_whole() ? std::optional(std::move(container)) : std::nullopt;
}

std::optional<KnownAccount> parse_account(std::string_view contents) {
  ContentsReader in(contents);
  KnownAccount known;
  known.account.name = in.text(kMostName);
  known.account.uid = Uid{in.number<std::uint32_t>()};
  known.account.gid = Gid{in.number<std::uint32_t>()};
  known.groups = read_groups(in);
  return in.is_whole() ? std::optional(std::move(known)) : std::nullopt;
}

std::optional<PathState> parse_path(std::string_view contents) {
  ContentsReader in(contents);
  PathState state;
  state.path = in.text(kMostResolved);
  if (in.flag()) {
    auto& present = state.present.emplace();
    const auto type = in.number<std::uint8_t>();
    if (type >= Words<FileType>::kAll.size()) return std::nullopt;
    present.type = static_cast<FileType>(type);
    present.uid = Uid{in.number<std::uint32_t>()};
    present.gid = Gid{in.number<std::uint32_t>()};
    present.mode = Mode{in.number<std::uint32_t>()};
    present.links = in.number<std::uint64_t>();
  }
  state.parents_group = read_id<Gid>(in);
  state.unseen = in.text(kMostName);
  state.cannot_chown = in.flag();
  return in.is_whole() && state.path.starts_with('/') ? std::optional(std::move(state))
                                                      : std::nullopt;
}

std::optional<std::uint64_t> parse_word(std::string_view contents) {
  ContentsReader in(contents);
  const auto word = in.optional_number<std::uint64_t>();
  return in.is_whole() ? word : std::nullopt;
}

}  // namespace guard
