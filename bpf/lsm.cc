#include "bpf/lsm.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bpf/events.h"
#include "bpf/kernel_types.h"
#include "bpf/libbpf_log.h"
#include "bpf/wire/maps.h"
#include "bpf/witnesses.h"

// The skeleton needs the names without their namespace.
using guard::Exemptions;       // NOLINT(misc-unused-using-decls): the skeleton uses it
using guard::Filter;           // NOLINT(misc-unused-using-decls)
using guard::SubvolumeLayout;  // NOLINT(misc-unused-using-decls)
#include "bpf/guard.skel.h"

namespace guard {
namespace {

Result<std::vector<LsmHook>> choose(const bpf_object* object, const KernelTypes& types,
                                    std::span<const KnownHook> known) {
  std::vector<LsmHook> hooks;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!section.starts_with("lsm/")) continue;
    LsmHook hook;
    hook.name = section.substr(section.find('/') + 1);
    hook.program = bpf_program__name(program);
    const auto* expected = find_hook(hook.program, known);
    if (expected) hook.needed_by = expected->guards;
    hook.why_not = expected ? misfit(*expected, types.arguments_of("bpf_lsm_" + hook.name))
                            : fmt::format("guardd has no entry for the LSM hook {}", hook.name);
    hook.loaded = hook.why_not.empty();
    if (expected && expected->without == Without::kLessDenied) hook.guards = expected->guards;
    (void)bpf_program__set_autoload(program, hook.loaded);
    hooks.push_back(std::move(hook));
  }
  const bool any =
      std::any_of(hooks.begin(), hooks.end(), [](const LsmHook& hook) { return hook.loaded; });
  if (!any) return Error("load the LSM programs: " + hooks.front().why_not, ENOTSUP);
  return hooks;
}

// Of the running kernel; 0: unknown.
unsigned long major_version() {
  struct utsname names {};
  return ::uname(&names) == 0 ? std::strtoul(names.release, nullptr, 10) : 0;
}

// The programs of the skeleton, each with the slot for its link.
std::vector<bpf_prog_skeleton*> programs_in(const bpf_object_skeleton& skeleton) {
  std::vector<bpf_prog_skeleton*> programs;
  programs.reserve(static_cast<std::size_t>(skeleton.prog_cnt));
  for (int i = 0; i < skeleton.prog_cnt; ++i)
    programs.push_back(reinterpret_cast<bpf_prog_skeleton*>(
        reinterpret_cast<char*>(skeleton.progs) +
        static_cast<std::ptrdiff_t>(i) * skeleton.prog_skel_sz));
  return programs;
}

void detach(const bpf_prog_skeleton& program) {
  (void)bpf_link__destroy(std::exchange(*program.link, nullptr));
}

template <typename Key>
Status drop(bpf_map* map, const Key& key, const char* what) {
  if (bpf_map_delete_elem(bpf_map__fd(map), &key) == 0 || errno == ENOENT) return {};
  return Error::from_errno(errno, what);
}

// A value of 0 is not stored.
template <typename Key, typename Value>
Status put_or_drop(bpf_map* map, const Key& key, const Value& value, const char* what) {
  return value == 0 ? drop(map, key, what) : put(map, key, value, what);
}

template <std::size_t N>
std::array<char, N> padded(std::string_view text) {
  std::array<char, N> name{};
  text.copy(name.data(), N - 1);
  return name;
}

// For values that the programs read while they are written.
template <typename T>
void publish(T& target, T value) {
  std::atomic_ref(target).store(value, std::memory_order_release);
}

}  // namespace

struct Lsm::Programs {
  Handle<guard_bpf, guard_bpf__destroy> skeleton;
  Handle<ring_buffer, ring_buffer__free> ring;  // destroyed first
  LsmListener* listener = nullptr;              // only during dispatch()
  std::size_t room = 0;
  Witnesses witnesses;
  bool sees_moves = false;  // whether programs are attached that watch the evidence

  bool has_numbered_tags() const { return skeleton.get()->rodata->guard_tags_by_number != 0; }

  static int take(void* context, void* data, std::size_t size) noexcept {
    auto& self = *static_cast<Programs*>(context);
    deliver({static_cast<const char*>(data), size}, *self.listener);
    return --self.room == 0 ? -ENOBUFS : 0;  // libbpf stops at errors only, after this record
  }

  // For the programs, before the first tag on a subvolume.
  Status learn_subvolumes() {
    auto& known = skeleton.get()->bss->guard_subvolumes;
    if (known.inode != 0) return {};
    GUARD_TRY(const auto types, KernelTypes::load());
    GUARD_TRY(const auto layout, types.subvolume_layout());
    known.root = layout.root;
    known.number = layout.number;
    publish(known.inode, layout.inode);
    return {};
  }

  void count(const TaggedInode& inode, std::uint32_t change) {
    auto& there = *skeleton.get()->bss;
    std::atomic_ref(*filter_slot(&there.guard_inode_filter, inode.inode)).fetch_add(change);
    std::atomic_ref(*filter_slot(&there.guard_device_filter, inode.device)).fetch_add(change);
  }
};

Lsm::Lsm(std::unique_ptr<Programs> programs, std::vector<LsmHook> hooks)
    : programs_(std::move(programs)), hooks_(std::move(hooks)) {}
Lsm::Lsm(Lsm&& other) noexcept = default;
Lsm& Lsm::operator=(Lsm&& other) noexcept = default;
Lsm::~Lsm() = default;

Result<Lsm> Lsm::load(std::span<const KnownHook> known) {
  std::array order{Tags::kInStorage, Tags::kByNumber};
  // Loading takes long, so what is likely to fit comes first.
  if (major_version() >= 7) std::swap(order[0], order[1]);
  auto loaded = load(known, order[0]);
  if (!loaded && loaded.error().code() == EACCES) loaded = load(known, order[1]);
  return loaded;
}

Result<Lsm> Lsm::load(std::span<const KnownHook> known, Tags tags) {
  GUARD_TRY(const auto types, KernelTypes::load());
  const LibbpfLog log;
  auto programs = std::make_unique<Programs>();
  programs->skeleton.reset(guard_bpf__open());
  auto* skeleton = programs->skeleton.get();
  if (!skeleton) return log.error(errno, "open the LSM programs");
  GUARD_TRY(auto hooks, choose(skeleton->obj, types, known));
  set_own_view(*skeleton->rodata);
  skeleton->rodata->guard_tags_by_number = tags == Tags::kByNumber ? 1 : 0;
  if (const int failed = guard_bpf__load(skeleton); failed != 0)
    return log.error(-failed, "load the LSM programs");
  programs->ring.reset(ring_buffer__new(bpf_map__fd(skeleton->maps.events), Programs::take,
                                        programs.get(), nullptr));
  if (!programs->ring) return log.error(errno, "map the LSM programs' ring");
  programs->witnesses =
      Witnesses(bpf_map__fd(skeleton->maps.witnesses), bpf_map__fd(skeleton->maps.departures));
  return Lsm(std::move(programs), std::move(hooks));
}

// A program without a hook, such as the one for forks, is needed by every guard.
bool Lsm::is_needed(std::string_view program, std::uint32_t guards) const {
  const auto hook = std::find_if(hooks_.begin(), hooks_.end(),
                                 [&](const LsmHook& each) { return each.program == program; });
  return hook == hooks_.end() ? guards != 0 : hook->loaded && (hook->needed_by & guards) != 0;
}

Status Lsm::attach(std::uint32_t guards) {
  const LibbpfLog log;
  const auto programs = programs_in(*programs_->skeleton.get()->skeleton);
  std::vector<bpf_prog_skeleton*> added;
  for (auto* program : programs) {
    if (*program->link || !is_needed(program->name, guards)) continue;
    *program->link = bpf_program__attach(*program->prog);
    if (!*program->link) {
      auto error = log.error(errno, "attach the LSM programs");
      for (auto* each : added) detach(*each);
      return error;
    }
    added.push_back(program);
  }
  for (auto* program : programs)
    if (*program->link && !is_needed(program->name, guards)) detach(*program);
  const bool sees_moves = (guards & kOwnershipBit) != 0;
  const bool saw_moves = std::exchange(programs_->sees_moves, sees_moves);
  if (sees_moves && !saw_moves) programs_->witnesses.renew();
  return {};
}

std::vector<std::pair<std::string, int>> Lsm::links() const {
  std::vector<std::pair<std::string, int>> links;
  for (const auto* program : programs_in(*programs_->skeleton.get()->skeleton))
    if (*program->link && is_needed(program->name, ~kClosingBit))
      links.emplace_back(program->name, bpf_link__fd(*program->link));
  return links;
}

Status Lsm::tag(int directory, const TaggedInode& inode, const TreeTag& tag) {
  auto& self = *programs_;
  if (self.has_numbered_tags() && inode.subvolume != 0) GUARD_CHECK(self.learn_subvolumes());
  const auto old = tag_of(directory);
  const bool is_new = !old;
  // A tree that is off is not watched.
  const bool is_off = tag.terms.action == kTreeActionOff;
  const bool was_off = !old || old->tree != tag.tree || old->terms.action == kTreeActionOff;
  if (was_off && !is_off) self.witnesses.begin(tag.tree);
  if (is_new) self.count(inode, 1);  // first, or the tag would not be found
  auto done = put(self.skeleton->maps.tree_tags, directory, tag, "tag a tree's root");
  if (done && self.has_numbered_tags())
    done = put(self.skeleton->maps.numbered_tags, inode, tag, "tag a tree's root");
  if (is_new && !done) forget(inode);
  if (done && is_off) self.witnesses.end(tag.tree);
  if (done && old && old->tree != tag.tree) self.witnesses.end(old->tree);
  return done;
}

Status Lsm::untag(int directory, const TaggedInode& inode) {
  const int map = bpf_map__fd(programs_->skeleton->maps.tree_tags);
  const auto tag = tag_of(directory);
  if (bpf_map_delete_elem(map, &directory) != 0)
    return Error::from_errno(errno, "untag a tree's root");
  forget(inode);
  if (tag) programs_->witnesses.end(tag->tree);
  return {};
}

void Lsm::forget(const TaggedInode& inode) {
  auto& self = *programs_;
  if (self.has_numbered_tags())
    (void)bpf_map_delete_elem(bpf_map__fd(self.skeleton->maps.numbered_tags), &inode);
  self.count(inode, ~std::uint32_t{0});
}

std::optional<TreeTag> Lsm::tag_of(int directory) const {
  TreeTag tag{};
  const int map = bpf_map__fd(programs_->skeleton->maps.tree_tags);
  if (bpf_map_lookup_elem(map, &directory, &tag) != 0) return std::nullopt;
  return tag;
}

bool Lsm::is_tagged(int directory) const {
  return tag_of(directory).has_value();
}

void Lsm::retire(std::uint64_t tree) {
  const std::uint32_t retired = 1;
  (void)put(programs_->skeleton->maps.retired, tree, retired, "retire a tag");
  programs_->witnesses.end(tree);
}

void Lsm::set_guards_in_use(std::uint32_t guards) {
  auto& in_use = programs_->skeleton->bss->guards_in_use;
  const bool starts = (guards & kOwnershipBit) != 0 && (in_use & kOwnershipBit) == 0;
  publish(in_use, guards);
  if (starts) programs_->witnesses.renew();
}

std::optional<WitnessTag> Lsm::witness(int file) const {
  return programs_->witnesses.of(file);
}

Status Lsm::bear_witness(int file, WitnessTag tag) {
  return programs_->witnesses.bear(file, tag);
}

void Lsm::forget_witness(int file) {
  programs_->witnesses.forget(file);
}

void Lsm::await_closing(const OpenInode& file, std::uint64_t tree) {
  (void)put(programs_->skeleton->maps.awaited, file, tree, "await a close");
}

std::uint64_t Lsm::departures(std::uint64_t tree) const {
  return programs_->witnesses.departures(tree);
}

Status Lsm::add_patterns(std::uint32_t patterns, std::span<const PatternRow> rows) {
  for (std::uint32_t state = 0; state < rows.size(); ++state) {
    GUARD_CHECK(put(programs_->skeleton->maps.patterns, PatternKey{patterns, state}, rows[state],
                    "load a policy's patterns into the kernel"));
  }
  return {};
}

void Lsm::drop_patterns(std::uint32_t patterns, std::size_t rows) {
  const int map = bpf_map__fd(programs_->skeleton->maps.patterns);
  for (std::uint32_t state = 0; state < rows; ++state) {
    const PatternKey key{patterns, state};
    (void)bpf_map_delete_elem(map, &key);
  }
}

Status Lsm::add_rule(const RuleKey& key, const Terms& terms) {
  return put(programs_->skeleton->maps.rules, key, terms, "load a policy's rule into the kernel");
}

void Lsm::drop_rule(const RuleKey& key) {
  (void)bpf_map_delete_elem(bpf_map__fd(programs_->skeleton->maps.rules), &key);
}

void Lsm::exempt(const Exemptions& exemptions) {
  auto& target = programs_->skeleton->bss->guard_exemptions;
  publish(target.need_program, exemptions.need_program);
  publish(target.need_unit, exemptions.need_unit);
  publish(target.need_container, exemptions.need_container);
  publish(target.need_user, exemptions.need_user);
  publish(target.need_group, exemptions.need_group);
  publish(target.need_login, exemptions.need_login);
  publish(target.need_label, exemptions.need_label);
  publish(target.any_unit, exemptions.any_unit);
  for (std::size_t label = 0; label < std::size(exemptions.of_label); ++label)
    publish(target.of_label[label], exemptions.of_label[label]);
  publish(target.for_children, exemptions.for_children);
}

Status Lsm::set_subject(const SubjectKey& key, std::uint64_t exemptions) {
  return put_or_drop(programs_->skeleton->maps.subjects, key, exemptions,
                     "exempt a user in the kernel");
}

Status Lsm::set_unit(std::string_view name, std::uint64_t exemptions) {
  return put_or_drop(programs_->skeleton->maps.units, padded<kUnitName>(name), exemptions,
                     "exempt a unit in the kernel");
}

Status Lsm::set_container(std::uint64_t control_group, std::uint64_t exemptions) {
  return put_or_drop(programs_->skeleton->maps.containers, control_group, exemptions,
                     "exempt a container in the kernel");
}

Status Lsm::set_program(const ProgramKey& key, const Program& program) {
  return put(programs_->skeleton->maps.programs, key, program, "exempt a program in the kernel");
}

Status Lsm::drop_program(const ProgramKey& key) {
  return drop(programs_->skeleton->maps.programs, key, "end a program's exemption in the kernel");
}

Status Lsm::set_script(std::string_view comm, std::uint32_t labels) {
  return put_or_drop(programs_->skeleton->maps.scripts, padded<16>(comm), labels,
                     "exempt a script in the kernel");
}

Status Lsm::exempt_self() {
  const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!self) return Error::from_errno(errno, "pidfd_open");
  return tag_process(self.get(), ProcessTag{0, 1});
}

Status Lsm::tag_process(int pidfd, const ProcessTag& tag) {
  return put(programs_->skeleton->maps.process_tags, pidfd, tag, "exempt a process");
}

int Lsm::fd() const {
  return ring_buffer__epoll_fd(programs_->ring.get());
}

bool Lsm::dispatch(LsmListener& listener, std::size_t most) noexcept {
  auto& self = *programs_;
  self.listener = &listener;
  self.room = most;
  (void)ring_buffer__consume(self.ring.get());
  self.listener = nullptr;
  return self.room == 0;
}

Result<LsmCounters> Lsm::counters() const {
  std::array<std::uint64_t, kCounterCount> sums{};
  for (std::uint32_t counter = 0; counter < kCounterCount; ++counter) {
    GUARD_TRY(sums[counter], sum_of(programs_->skeleton->maps.counters, counter));
  }
  return LsmCounters{.denied = sums[kCounterDenied],
                     .passed = sums[kCounterPassed],
                     .unknown = sums[kCounterUnknown],
                     .undecided = sums[kCounterUndecided],
                     .folded = sums[kCounterFolded],
                     .lost = sums[kCounterLost]};
}

std::uint64_t Lsm::lost() const {
  const auto lost = sum_of(programs_->skeleton->maps.counters, kCounterLost);
  return lost ? *lost : 0;
}

Result<bool> Lsm::built_in() {
  GUARD_TRY(const auto types, KernelTypes::load());
  return types.arguments_of("bpf_lsm_file_open").has_value();
}

}  // namespace guard
