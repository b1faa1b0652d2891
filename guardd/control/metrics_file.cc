#include "guardd/control/metrics_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "guardd/host/write_all.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr mode_t kReadableByAll = 0644;

}  // namespace

Status replace_file(const std::string& path, const std::string& text) {
  const std::filesystem::path whole(path);
  const Fd directory(::open(whole.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Error::from_errno(errno, quote(whole.parent_path().string()));
  const auto name = whole.filename().string();
  // Always the same temporary name, so that a crash leaves one file at most. Collectors ignore it:
  // it starts with a dot and does not end with ".prom".
  const auto unfinished = "." + name + ".guardd";
  (void)::unlinkat(directory.get(), unfinished.c_str(), 0);
  const Fd file(::openat(directory.get(), unfinished.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kReadableByAll));
  if (!file) return Error::from_errno(errno, quote(path));
  auto done = write_all(file.get(), text);
  if (done && ::fchmod(file.get(), kReadableByAll) != 0) done = Error::from_errno(errno, "fchmod");
  if (done && ::renameat(directory.get(), unfinished.c_str(), directory.get(), name.c_str()) != 0)
    done = Error::from_errno(errno, "rename");
  if (done) return done;
  (void)::unlinkat(directory.get(), unfinished.c_str(), 0);
  return std::move(done).error().context(quote(path));
}

void MetricsFile::set_path(const std::string& path) {
  path_ = path;
  due_.reset();
  if (path_.empty()) {
    state_ = std::make_shared<State>();
  } else {
    due_ = std::chrono::steady_clock::now();
  }
}

void MetricsFile::work(SteadyTime now, const std::function<std::string()>& text) {
  if (!due_ || *due_ > now) return;
  due_ = now + kEvery;
  if (state_->is_writing) return;  // a disk that hangs holds up one job, not one more each time
  state_->is_writing =
      jobs_.send([path = path_, text = text(), state = state_](
                     const BackgroundJobs::JobContext& /*context*/) -> BackgroundJobs::Finish {
        const auto done = replace_file(path, text);
        return
            [state,
             trouble = done ? "" : "cannot write the metrics: " + printable(done.error().text())] {
              state->is_writing = false;
              state->trouble = trouble;
            };
      });
}

}  // namespace guard
