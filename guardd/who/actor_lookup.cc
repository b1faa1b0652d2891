#include "guardd/who/actor_lookup.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "guardd/host/thread.h"
#include "guardd/host/users.h"
#include "guardd/who/proc.h"
#include "policy/base/handle.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostEnvironment = 65536;
constexpr std::size_t kLongestHint = 256;

struct ProcessId {
  std::int32_t pid = 0;
  std::uint64_t start = 0;
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

struct Hash {
  std::size_t operator()(Uid user) const { return user.value; }
  std::size_t operator()(const ProcessId& process) const {
    return std::hash<std::uint64_t>()(process.start ^ static_cast<std::uint32_t>(process.pid));
  }
};

// A map that drops its oldest entry if it is full.
template <typename Key, typename Value>
class BoundedMap {
 public:
  explicit BoundedMap(std::size_t bound) : bound_(bound) {}

  const Value* find(const Key& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

  void put(const Key& key, Value value) {
    if (!values_.insert_or_assign(key, std::move(value)).second) return;
    oldest_first_.push_back(key);
    if (values_.size() <= bound_) return;
    values_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }

 private:
  std::size_t bound_;
  std::unordered_map<Key, Value, Hash> values_;
  std::deque<Key> oldest_first_;
};

// The process first, then its ancestors.
using Family = std::vector<ProcessId>;
using LookupQuestion = std::variant<Uid, Family>;

bool is_same(const LookupQuestion& a, const LookupQuestion& b) {
  if (a.index() != b.index()) return false;
  if (const auto* uid = std::get_if<Uid>(&a)) return *uid == std::get<Uid>(b);
  return std::get<Family>(a).front() == std::get<Family>(b).front();
}

// Empty if the process has ended.
std::string environment_of(const Proc& proc, const std::string& root, const ProcessId& process) {
  const auto path = root + "/" + std::to_string(process.pid) + "/environ";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  // The open file belongs to the process that had this number: check that it is still the same.
  const auto start = proc.start_of(process.pid);
  if (!start || !same_start(*start, process.start)) return {};
  std::string text(kMostEnvironment, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

Hints hints_of(const std::string& root, const Family& family) {
  const Proc proc(root);
  Hints hints;
  for (const auto& process : family) {
    auto here = hints_in(environment_of(proc, root, process));
    if (hints.sudo_user.empty()) hints.sudo_user = std::move(here.sudo_user);
    if (hints.ssh.empty()) hints.ssh = std::move(here.ssh);
    if (!hints.sudo_user.empty() && !hints.ssh.empty()) break;
  }
  return hints;
}

Family family_of(const Actor& actor) {
  Family family;
  if (!actor.pid || !actor.start_time) return family;
  family.push_back({*actor.pid, *actor.start_time});
  for (const auto& above : actor.lineage)
    if (above.pid > 1 && above.start_time != 0) family.push_back({above.pid, above.start_time});
  return family;
}

}  // namespace

struct ActorLookup::State {
  struct Name {
    std::optional<std::string> name;
    Clock::time_point learned;
  };

  explicit State(Options given)
      : options(std::move(given)), names(options.names), hints(options.processes) {}

  const Options options;
  Fd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  std::condition_variable changed;
  bool ending = false;
  bool ended = false;
  std::deque<LookupQuestion> questions;  // the first is being looked up if `busy_since` is set
  std::optional<Clock::time_point> busy_since;
  BoundedMap<Uid, Name> names;
  BoundedMap<ProcessId, Hints> hints;
  Counters counters;
  std::thread thread;

  void run();
  void look_up(const LookupQuestion& question);
  bool enqueue(LookupQuestion question);
  bool find_name(const std::optional<Uid>& user, std::optional<std::string>& name);
  bool find_hints(Actor& actor);
};

void ActorLookup::State::run() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return ending || !questions.empty(); });
    if (ending) break;
    const auto question = questions.front();
    busy_since = Clock::now();
    lock.unlock();
    look_up(question);
    lock.lock();
    busy_since.reset();
    questions.pop_front();
    const std::uint64_t one = 1;
    (void)::write(wake.get(), &one, sizeof one);  // EAGAIN: it is already readable
  }
  ended = true;
  changed.notify_all();
}

void ActorLookup::State::look_up(const LookupQuestion& question) {
  if (const auto* family = std::get_if<Family>(&question)) {
    auto found = hints_of(options.proc, *family);
    const std::lock_guard lock(mutex);
    hints.put(family->front(), std::move(found));
    return;
  }
  const auto user = std::get<Uid>(question);
  auto name = local_user_name(user, options.accounts);
  if (!name && options.name_of) name = options.name_of(user);
  const std::lock_guard lock(mutex);
  names.put(user, {std::move(name), Clock::now()});
}

// False: no result will come soon.
bool ActorLookup::State::enqueue(LookupQuestion question) {
  const bool asked =
      std::any_of(questions.begin(), questions.end(),
                  [&](const LookupQuestion& each) { return is_same(each, question); });
  if (!asked) {
    if (questions.size() >= options.questions) {
      ++counters.rejected;
      return false;
    }
    questions.push_back(std::move(question));
    ++counters.asked;
    changed.notify_all();
  }
  return !busy_since || Clock::now() - *busy_since < options.patience;
}

// False: it is being looked up.
bool ActorLookup::State::find_name(const std::optional<Uid>& user,
                                   std::optional<std::string>& name) {
  if (!user) return true;
  const auto* known = names.find(*user);
  if (!known) return !enqueue(*user);
  name = known->name;
  if (Clock::now() - known->learned > options.good_for) (void)enqueue(*user);
  return true;
}

bool ActorLookup::State::find_hints(Actor& actor) {
  if (!actor.pid || !actor.start_time) return true;
  const auto* known = hints.find({*actor.pid, *actor.start_time});
  if (!known) return !enqueue(family_of(actor));
  if (!known->sudo_user.empty()) actor.hint_sudo_user = known->sudo_user;
  if (!known->ssh.empty()) actor.hint_ssh = known->ssh;
  return true;
}

ActorLookup::ActorLookup(Options options) : state_(std::make_shared<State>(std::move(options))) {
  // The main thread may not have blocked signals yet; this thread must not receive any.
  if (auto thread = start_without_signals("start the thread that looks up actors",
                                          [state = state_] { state->run(); })) {
    state_->thread = *std::move(thread);
    return;
  }
  // Fails safe: without a thread, records have no names, but guardd works.
  const std::lock_guard lock(state_->mutex);
  state_->busy_since = Clock::time_point();
  state_->ended = true;
}

// A directory service that hangs must not keep guardd from exiting.
ActorLookup::~ActorLookup() {
  std::unique_lock lock(state_->mutex);
  state_->ending = true;
  state_->changed.notify_all();
  const bool ended =
      state_->changed.wait_for(lock, std::chrono::milliseconds(200), [&] { return state_->ended; });
  lock.unlock();
  if (!state_->thread.joinable()) return;
  if (ended)
    state_->thread.join();
  else
    state_->thread.detach();
}

bool ActorLookup::complete(Actor& actor) {
  const std::lock_guard lock(state_->mutex);
  // Starts all three look-ups at once.
  const bool login = state_->find_name(actor.login_uid, actor.login_user);
  const bool cron = state_->find_name(actor.cron_uid, actor.cron_user);
  const bool hints = state_->find_hints(actor);
  set_human(actor);
  return login && cron && hints;
}

int ActorLookup::fd() const {
  return state_->wake.get();
}

void ActorLookup::clear() {
  std::uint64_t count = 0;
  (void)::read(fd(), &count, sizeof count);  // only clears it; EAGAIN is fine
}

std::chrono::milliseconds ActorLookup::patience() const {
  return state_->options.patience;
}

ActorLookup::Counters ActorLookup::counters() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counters;
}

void set_human(Actor& actor) {
  if (!actor.login_uid || *actor.login_uid == kRoot || !actor.login_user) return;
  actor.human = actor.login_user;
  actor.human_source = "loginuid";
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
