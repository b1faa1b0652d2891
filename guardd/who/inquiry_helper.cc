#include "guardd/who/inquiry_helper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "guardd/host/users.h"
#include "guardd/who/container_accounts.h"
#include "guardd/who/container_files.h"
#include "guardd/who/executable_ids.h"
#include "guardd/who/inquiry_form.h"

namespace guard {
namespace {

// To read what belongs to processes of other users, and their executables.
constexpr std::array kCapabilities{CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};

// /proc, and what NSS modules use to ask a service of this machine.
constexpr std::array kCalls{
    SYS_openat2,     SYS_getdents64,  SYS_faccessat,     SYS_faccessat2,
    SYS_statfs,      SYS_fstatfs,     SYS_socket,        SYS_connect,
    SYS_getsockname, SYS_getpeername, SYS_getsockopt,    SYS_setsockopt,
    SYS_sendto,      SYS_recvfrom,    SYS_sendmmsg,      SYS_shutdown,
    SYS_ioctl,       SYS_uname,       SYS_epoll_create1, SYS_epoll_ctl,
    SYS_epoll_pwait, SYS_eventfd2,    SYS_rseq,          SYS_set_robust_list,
#ifdef SYS_access
    SYS_access,      SYS_epoll_wait,  SYS_getdents,      SYS_stat,
    SYS_lstat,       SYS_open,        SYS_select,        SYS_time,
#endif
};

std::string executable(ContentsReader& in) {
  const auto path = in.text(PATH_MAX);
  const auto device = in.number<std::uint64_t>();
  const InodeId kernel_id{device, in.number<std::uint64_t>()};
  const auto id = in.is_whole() ? stat_identity(path, kernel_id) : kernel_id;
  ContentsWriter out;
  out.number(id.device);
  out.number(id.inode);
  return out.take();
}

// `file` is faster than the databases behind `name_of`, which may be empty.
template <typename Id, typename LocalName, typename NameOf>
std::string name_answer(Id id, LocalName local_name, const std::string& file,
                        const NameOf& name_of) {
  auto name = local_name(id, file);
  if (!name && name_of) name = name_of(id);
  ContentsWriter out;
  out.optional_text(name);
  return out.take();
}

}  // namespace

const HelperRole kInquiryRole{"guardd: inquiry", kCapabilities, kCalls};

void InquiryHelper::answer(const HelperRecord& question, const SendPart& send) const {
  ContentsReader in(question.contents);
  switch (static_cast<Inquiry>(question.kind)) {
    case Inquiry::kProcesses:
      return send(processes(in), true);
    case Inquiry::kAll:
      return list(send);
    case Inquiry::kExecutable:
      return send(executable(in), true);
    case Inquiry::kHints:
      return send(hints(in), true);
    case Inquiry::kUser:
      return send(user(in), true);
    case Inquiry::kGroup:
      return send(group(in), true);
    case Inquiry::kAccount:
      return send(account(in), true);
    case Inquiry::kPath:
      return send(path(in), true);
    case Inquiry::kWord:
      return send(word(in), true);
    case Inquiry::kContainer:
      return send(container(in), true);
    case Inquiry::kContainerUser:
      return send(container_user(in), true);
  }
  send({}, true);
}

// What does not fit in a record is left out: paths can be long, and processes choose theirs.
std::string InquiryHelper::processes(ContentsReader& in) const {
  ContentsWriter out;
  for (const auto& each : read_wanted(in)) {
    const auto facts = proc_.read_facts(each.pid, each.start, each.wants_image);
    ContentsWriter one;
    if (facts) write_facts(one, *facts);
    const bool fits = facts && out.size() + one.size() + kMostWantedProcesses <= kMostContents;
    out.number(static_cast<std::uint8_t>(fits));
    if (fits) out.append(one);
  }
  return out.take();
}

void InquiryHelper::list(const SendPart& send) const {
  ContentsWriter out;
  for (const auto pid : proc_.pids()) {
    const auto ids = proc_.read_ids(pid);
    const auto facts = ids ? proc_.read_facts(pid, ids->start, true) : std::nullopt;
    if (!facts) continue;
    ContentsWriter one;
    write_ids(one, *ids);
    write_facts(one, *facts);
    if (out.size() + one.size() > kMostContents) send(out.take(), false);
    out.append(one);
  }
  send(out.take(), true);
}

std::string InquiryHelper::hints(ContentsReader& in) const {
  Hints found;
  for (const auto& process : read_wanted(in)) {
    auto here = hints_in(proc_.read_environment(process.pid, process.start));
    if (found.sudo_user.empty()) found.sudo_user = std::move(here.sudo_user);
    if (found.ssh.empty()) found.ssh = std::move(here.ssh);
    if (!found.sudo_user.empty() && !found.ssh.empty()) break;
  }
  ContentsWriter out;
  write_hints(out, found);
  return out.take();
}

std::string InquiryHelper::user(ContentsReader& in) const {
  return name_answer(Uid{in.number<std::uint32_t>()}, local_user_name, places_.accounts,
                     places_.name_of);
}

std::string InquiryHelper::group(ContentsReader& in) const {
  return name_answer(Gid{in.number<std::uint32_t>()}, local_group_name, places_.groups,
                     places_.group_name_of);
}

std::string InquiryHelper::account(ContentsReader& in) {
  const Uid user{in.number<std::uint32_t>()};
  const auto known = SystemUsers().user(user);
  if (!known || !*known) return {};
  ContentsWriter out;
  write_account(out, {**known, groups_of(**known)});
  return out.take();
}

std::string InquiryHelper::path(ContentsReader& in) {
  const auto path = in.text(PATH_MAX);
  if (!in.is_whole() || !path.starts_with('/')) return {};
  ContentsWriter out;
  write_path(out, look_at_path(resolved_path(path)));
  return out.take();
}

std::string InquiryHelper::word(ContentsReader& in) const {
  const auto thread = in.number<std::int32_t>();
  const auto address = in.number<std::uint64_t>();
  const auto path = places_.proc + "/" + std::to_string(thread) + "/mem";
  const Fd memory(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::uint64_t word = 0;
  const bool is_read = memory && ::pread(memory.get(), &word, sizeof word,
                                         static_cast<off_t>(address)) == sizeof word;
  ContentsWriter out;
  out.optional_number(is_read ? std::optional(word) : std::nullopt);
  return out.take();
}

std::string InquiryHelper::container(ContentsReader& in) const {
  const auto group = in.text(PATH_MAX);
  ContentsWriter out;
  write_container(out, ContainerFiles(places_.containers).find(group));
  return out.take();
}

std::string InquiryHelper::container_user(ContentsReader& in) const {
  const auto container = in.text(PATH_MAX);
  const Uid user{in.number<std::uint32_t>()};
  ContentsWriter out;
  out.optional_text(in.is_whole()
                        ? user_in_container(container, user, places_.proc, places_.containers)
                        : std::nullopt);
  return out.take();
}

int serve_inquiries() {
  const InquiryHelper helper({"/proc", kAccountsFile, user_name, kGroupsFile, group_name});
  return serve_as_helper(kInquiryRole, [&](const HelperRecord& question, const SendPart& send) {
    helper.answer(question, send);
  });
}

Result<HelperProcess> start_inquiry_helper() {
  return HelperProcess::start(kInquiryRole);
}

}  // namespace guard
