#include "guardd/who/container.h"

#include <algorithm>
#include <array>

#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::size_t kWholeId = 64;
constexpr std::size_t kShortestId = 12;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_id(std::string_view text) {
  return text.size() >= kShortestId && text.size() <= kWholeId && is_hex(text);
}

struct Prefix {
  std::string_view text;
  std::string_view runtime;
};

// The text before the id. Monitors of a container have a longer prefix (libpod-conmon-…), which
// matches none of these.
constexpr std::array<Prefix, 7> kPrefixes{{{"docker", "docker"},
                                           {"libpod", "podman"},
                                           {"libpod-payload", "podman"},
                                           {"cri-containerd", "containerd"},
                                           {"containerd", "containerd"},
                                           {"nerdctl", "containerd"},
                                           {"crio", "cri-o"}}};

std::string_view runtime_of_prefix(std::string_view prefix) {
  const auto* const found = std::find_if(kPrefixes.begin(), kPrefixes.end(),
                                         [&](const Prefix& each) { return each.text == prefix; });
  return found == kPrefixes.end() ? std::string_view() : found->runtime;
}

bool take_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

bool take_start(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

// systemd escapes special characters in unit names, such as "\x2d".
std::string unescaped_unit(std::string_view name) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  while (!name.empty()) {
    if (name.size() >= 4 && name.starts_with("\\x") && is_hex(name.substr(2, 2))) {
      out += static_cast<char>(digit(name[2]) * 16 + digit(name[3]));
      name.remove_prefix(4);
    } else {
      out += name.front();
      name.remove_prefix(1);
    }
  }
  return out;
}

// "docker-ID.scope", "crio-ID", "kubepods-….slice:cri-containerd:ID".
std::optional<Container> by_prefix(std::string_view element) {
  (void)take_end(element, ".scope");
  for (const char separator : {'-', ':'}) {
    const auto at = element.rfind(separator);
    if (at == std::string_view::npos || !is_id(element.substr(at + 1))) continue;
    auto prefix = element.substr(0, at);
    if (separator == ':') prefix.remove_prefix(prefix.rfind(':') + 1);  // npos + 1: all of it
    const auto runtime = runtime_of_prefix(prefix);
    if (!runtime.empty())
      return Container{std::string(element.substr(at + 1)), std::string(runtime)};
  }
  return std::nullopt;
}

// nspawn itself runs outside of the container, in a group of its own below that of the unit.
std::optional<Container> machine(std::string_view element, std::string_view below) {
  if (below == "supervisor") return std::nullopt;
  const bool is_service = take_start(element, "systemd-nspawn@") && take_end(element, ".service");
  if (!is_service && (!take_start(element, "machine-") || !take_end(element, ".scope")))
    return std::nullopt;
  auto name = unescaped_unit(element);
  if (name.empty() || name.starts_with("qemu-")) return std::nullopt;  // a virtual machine
  const bool is_lxc = !is_service && name.starts_with("lxc-");         // libvirt's
  return Container{std::move(name), is_lxc ? "lxc" : "systemd-nspawn"};
}

std::optional<Container> lxc(std::string_view element, std::string_view above) {
  if (above == "lxc" || above == "lxc.payload") return Container{std::string(element), "lxc"};
  if (take_start(element, "lxc.payload.") && !element.empty())
    return Container{std::string(element), "lxc"};
  return std::nullopt;
}

// Only an id: the parent group identifies the runtime.
std::optional<Container> by_parent(std::string_view element, std::string_view path_above,
                                   std::string_view above) {
  if (element.size() != kWholeId || !is_hex(element)) return std::nullopt;
  std::string runtime;
  if (above == "docker")
    runtime = "docker";
  else if (above == "libpod_parent")
    runtime = "podman";
  else if (path_above.find("/kubepods") != std::string_view::npos)
    runtime = "kubernetes";
  return Container{std::string(element), std::move(runtime)};
}

struct ContainerAt {
  std::optional<Container> container;
  std::size_t end = 0;  // of its group in the path
};

ContainerAt innermost_in(std::string_view cgroup) {
  ContainerAt innermost;
  std::string_view above;
  for (std::size_t at = 0; at < cgroup.size();) {
    const auto end = std::min(cgroup.find('/', at), cgroup.size());
    const auto element = cgroup.substr(at, end - at);
    const auto path_above = cgroup.substr(0, at);
    const auto rest = cgroup.substr(std::min(end + 1, cgroup.size()));
    at = end + 1;
    if (element.empty()) continue;
    auto found = by_prefix(element);
    if (!found) found = machine(element, rest.substr(0, rest.find('/')));
    if (!found) found = lxc(element, above);
    if (!found) found = by_parent(element, path_above, above);
    if (found) innermost = {std::move(found), end};
    above = element;
  }
  return innermost;
}

}  // namespace

std::optional<Container> container_of(std::string_view cgroup) {
  return innermost_in(cgroup).container;
}

std::string_view container_group(std::string_view cgroup) {
  return cgroup.substr(0, innermost_in(cgroup).end);
}

std::optional<Uid> user_of_group(std::string_view cgroup) {
  constexpr std::string_view kBefore = "/user@";
  const auto at = cgroup.find(kBefore);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = cgroup.substr(at + kBefore.size());
  const auto uid = parse_number(rest.substr(0, rest.find(".service")));
  return uid ? std::optional(Uid{*uid}) : std::nullopt;
}

}  // namespace guard
