#include "guardd/alert/alert_units.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "guardd/host/write_all.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr mode_t kOnlyRoot = 0600;
constexpr mode_t kOnlyRootEnters = 0700;

Status write_in(int directory, const std::string& name, std::string_view text) {
  // Always the same temporary name, so that a crash leaves one file at most.
  const auto unfinished = "." + name;
  (void)::unlinkat(directory, unfinished.c_str(), 0);
  const Fd file(::openat(directory, unfinished.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kOnlyRoot));
  if (!file) return Error::from_errno(errno, "open");
  GUARD_CHECK(write_all(file.get(), text));
  if (::renameat(directory, unfinished.c_str(), directory, name.c_str()) != 0)
    return Error::from_errno(errno, "rename");
  return {};
}

}  // namespace

std::string unit_of(const AlertSettings& alert) {
  auto unit = alert.unit;
  return unit.insert(unit.find('@') + 1, alert.name);
}

Status write_facts(const std::string& directory, const std::string& alert, std::string_view text) {
  // guardd's own directory is there already if the service manager has started guardd.
  (void)::mkdir(std::filesystem::path(directory).parent_path().c_str(), 0755);
  if (::mkdir(directory.c_str(), kOnlyRootEnters) != 0 && errno != EEXIST)
    return Error::from_errno(errno, quote(directory));
  const Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) return Error::from_errno(errno, quote(directory));
  auto done = write_in(opened.get(), alert + ".env", text);
  if (done) return done;
  return std::move(done).error().context(quote(directory + "/" + alert + ".env"));
}

void AlertUnits::start(const AlertSettings& alert, const AlertFacts& facts) {
  const auto unit = unit_of(alert);
  if (const auto written = write_facts(directory_, alert.name, facts.environment()); !written)
    failures_[unit] = printable(written.error().text());
  else
    starter_.start(unit, std::chrono::steady_clock::now());
}

void AlertUnits::work(SteadyTime now) {
  starter_.work(now);
  for (auto& result : starter_.take_results()) {
    if (result.error.empty())
      failures_.erase(result.unit);
    else
      failures_[result.unit] = std::move(result.error);
  }
}

std::string AlertUnits::trouble() const {
  std::string text;
  for (const auto& [unit, why] : failures_) {
    text += text.empty() ? "the alert " : "; ";
    text.append(unit).append(" failed: ").append(why).append(", see journalctl -u ").append(unit);
  }
  if (const auto why = starter_.trouble(); !why.empty())
    text.append(text.empty() ? "alerts wait: " : "; alerts wait: ").append(why);
  return text;
}

}  // namespace guard
