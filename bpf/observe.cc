#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "bpf/canary.h"
#include "bpf/lsm.h"
#include "bpf/probe.h"

namespace guard {
namespace {

using Names = std::vector<std::string>;

// lsm_list_modules(2), which the C library lacks. The same number on all architectures of BPF LSM.
constexpr long kListModules = 461;
constexpr unsigned kCapSysAdmin = 21;

// From linux/lsm.h, which this build does not need: ids from 100 on, in this order.
constexpr std::array<const char*, 14> kModuleNames{
    "capability", "selinux",  "smack", "tomoyo",   "apparmor", "yama", "loadpin",
    "safesetid",  "lockdown", "bpf",   "landlock", "ima",      "evm",  "ipe"};

std::optional<std::string> contents(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string module_name(std::uint64_t id) {
  const auto index = id - 100;  // a smaller id wraps around and is out of range
  return index < kModuleNames.size() ? kModuleNames.at(index) : "module-" + std::to_string(id);
}

std::optional<Names> modules_from_kernel() {
  std::array<std::uint64_t, 64> ids{};
  std::uint32_t size = sizeof ids;
  const long count = ::syscall(kListModules, ids.data(), &size, 0);
  if (count < 0) return std::nullopt;  // before Linux 6.8, or filtered
  Names names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    names.push_back(module_name(ids.at(i)));
  return names;
}

std::optional<Names> modules_from_file(const std::string& path) {
  const auto text = contents(path);
  if (!text) return std::nullopt;
  Names names;
  std::istringstream list(*text);
  for (std::string name; std::getline(list, name, ',');) {
    name.erase(name.find_last_not_of(" \n") + 1);
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

// "none [integrity] confidentiality": the one in brackets.
std::string lockdown_mode(const std::string& path) {
  const auto text = contents(path).value_or("");
  const auto open = text.find('[');
  const auto close = text.find(']', open);
  if (open == std::string::npos || close == std::string::npos) return {};
  return text.substr(open + 1, close - open - 1);
}

// A field of /proc/PID/status, read as a number in the given base.
std::uint64_t status_field(const std::string& status, const std::string& name, int base) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name + ":", 0) == 0)
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, base);
  }
  return 0;
}

template <typename T>
Status status_of(const Result<T>& result) {
  if (result) return {};
  return Error(result.error());
}

void try_programs(LsmFacts& facts, std::optional<Lsm>* working) {
  auto lsm = Lsm::load();
  facts.load = status_of(lsm);
  if (!lsm) return;
  facts.attach = lsm->attach(kOwnershipBit);  // the guard that the canary tests
  if (!*facts.attach) return;
  facts.canary = try_canary(*lsm);
  if (*facts.canary && working) *working = *std::move(lsm);
}

// A seccomp filter that lets bpf(2) through, such as that of guardd's own unit, is not the cause.
// The kernel rejects an unknown command with EINVAL, unless a filter rejects it first.
bool is_filtered() {
  return ::syscall(SYS_bpf, INT_MAX, nullptr, 0) < 0 && errno != EINVAL;
}

}  // namespace

LsmFacts observe_lsm(const ProbePaths& paths, std::optional<Lsm>* working) {
  LsmFacts facts;
  facts.modules = modules_from_file(paths.modules);  // first, because it has all names
  if (!facts.modules && paths.ask_kernel) facts.modules = modules_from_kernel();
  facts.btf = ::access(paths.btf.c_str(), R_OK) == 0;
  facts.lockdown = lockdown_mode(paths.lockdown);
  const auto self = contents(paths.self).value_or("");
  facts.privileged = (status_field(self, "CapEff", 16) >> kCapSysAdmin & 1) != 0;
  facts.seccomp = status_field(self, "Seccomp", 10) == 2 && (!paths.ask_kernel || is_filtered());
  const bool listed = !facts.modules || std::find(facts.modules->begin(), facts.modules->end(),
                                                  "bpf") != facts.modules->end();
  if (!listed && facts.btf) {
    if (const auto built_in = Lsm::built_in()) facts.built_in = *built_in;
  }
  if (listed && facts.btf && facts.privileged) try_programs(facts, working);
  return facts;
}

}  // namespace guard
