#include "bpf/kept_link.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>

namespace guard {
namespace {

// The query below also succeeds for maps and programs, with another meaning of its fields.
bool is_link(int fd) {
  std::array<char, 64> target{};
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  const std::string_view name(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return name.find("bpf_link") != std::string_view::npos ||
         name.find("bpf-link") != std::string_view::npos;
}

}  // namespace

Status check_kept_link(int fd) {
  if (!is_link(fd)) return Error("not a BPF link");
  std::array<char, 64> name{};
  bpf_link_info info{};
  info.raw_tracepoint.tp_name = reinterpret_cast<std::uintptr_t>(name.data());
  info.raw_tracepoint.tp_name_len = name.size();
  std::uint32_t length = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0)
    return Error::from_errno(errno, "query a BPF link");
  if (info.type == BPF_LINK_TYPE_RAW_TRACEPOINT &&
      std::string_view(name.data()) == "sched_process_fork")
    return {};
  // For other kinds of links the kernel overwrites the fields set above.
  if (info.type == BPF_LINK_TYPE_TRACING &&
      (info.tracing.attach_type == BPF_LSM_MAC || info.tracing.attach_type == BPF_TRACE_RAW_TP))
    return {};
  return Error("a BPF link of type " + std::to_string(info.type) + ", not one of an LSM program");
}

Status pin_link(int fd, const std::string& path) {
  if (bpf_obj_pin(fd, path.c_str()) == 0) return {};
  return Error::from_errno(errno, "pin " + path);
}

Result<Fd> open_pinned_link(const std::string& path) {
  Fd fd(bpf_obj_get(path.c_str()));
  if (!fd) return Error::from_errno(errno, "open " + path);
  return fd;
}

}  // namespace guard
