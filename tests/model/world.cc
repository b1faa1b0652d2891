#include "tests/model/world.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/model/acts.h"
#include "tests/model/loops.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr const char* kHardLinkSetting = "/proc/sys/fs/protected_hardlinks";
constexpr std::size_t kStepsALook = 8;

// settle is 100 ms. How long after the last act a repair may still come, where one is expected, on
// a busy machine, and where none is.
constexpr auto kDeadline = 8100ms;
constexpr auto kQuiet = 500ms;

void pause(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
}

struct stat facts_of(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) facts.st_uid = static_cast<uid_t>(-1);
  return facts;
}

void require(bool done, const std::string& what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Result<std::unique_ptr<World>> World::make(FsType type, const Options& options) {
  GUARD_TRY(auto scratch, ScratchFs::make(type));
  return std::unique_ptr<World>(new World(std::move(scratch), options));
}

// The setting is the whole machine's, so guardd only reads another one, and the adversaries who
// link have the capability that overrides it.
World::World(std::unique_ptr<ScratchFs> scratch, const Options& options)
    : scratch_(std::move(scratch)), options_(options) {
  const auto& root = scratch_->root();
  const auto setting = root.string() + ".protected_hardlinks";
  std::ofstream(setting) << (options_.protects_hard_links ? "1\n" : "0\n");
  require(::mount(setting.c_str(), kHardLinkSetting, nullptr, MS_BIND, nullptr) == 0, "bind");
  ::umask(022);
  for (const char* const name : {"srv", "srv/tree", "srv/stage", "srv/vault", "srv/bin"})
    require(::mkdir((root / name).c_str(), 0755) == 0, name);
  fs::copy_file("/usr/bin/setpriv", root / "srv/bin/setpriv");
  require(::chmod((root / "srv/bin/setpriv").c_str(), 04755) == 0, "chmod");
  require(::chdir((root / "srv").c_str()) == 0, "chdir");
  const auto adversary = [&](AdversaryKind kind, uid_t user) {
    return std::make_unique<Adversary>(kind, user, (root / "srv").string());
  };
  service_ = adversary(AdversaryKind::kUser, kService);
  other_ = adversary(AdversaryKind::kUser, kOtherUser);
  server_ = adversary(AdversaryKind::kFileServer, kService);
  linker_ = adversary(AdversaryKind::kLinker, kService);
  other_linker_ = adversary(AdversaryKind::kLinker, kOtherUser);
  guardd_ = std::make_unique<Guardd>(root, options_.guardd);
}

World::~World() {
  guardd_.reset();
  (void)::chdir("/");
  (void)::umount2(kHardLinkSetting, MNT_DETACH);
}

void World::clear() {
  for (const char* const name : {"tree", "stage", "vault"}) {
    for (const auto& each : fs::directory_iterator(name)) fs::remove_all(each.path());
    for (const char* const list : {"system.posix_acl_access", "system.posix_acl_default"})
      (void)::removexattr(name, list);
  }
  require(::chown("tree", kService, kService) == 0, "chown");
  for (const char* const name : {"tree", "vault"}) require(::chmod(name, 0755) == 0, name);
  require(::chmod("stage", 0777) == 0, "stage");
}

void World::secret(const std::string& path, mode_t mode, gid_t group) {
  const Fd file = open_now(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
  require(static_cast<bool>(file), path);
  const auto text = secrets_.add(path, false);
  secrets_.find(text)->is_hidden_by_directory = (mode & 07U) != 0;
  require(::write(file.get(), text.data(), text.size()) > 0, path);
  require(::fchown(file.get(), 0, group) == 0 && ::fchmod(file.get(), mode) == 0, path);
}

void World::lay_out() {
  for (const char* const line : {"svc mkdir tree/d", "svc mkdir tree/e", "svc mkdir tree/conf",
                                 "svc mkdir stage/d", "svc create tree/own", "svc create stage/own",
                                 "svc create tree/d/own", "other create stage/others"})
    require(perform(step_of(line)) == 0, line);
  require(::mkdir("tree/secrets", 0755) == 0 && ::mkdir("tree/closed", 0700) == 0, "mkdir");
  secret("tree/secrets/ca.pem", 0600);
  secret("tree/closed/hidden", 0600);
  secret("tree/closed/open", 0644);
  secret("tree/conf/tls.key", 0600);
  for (const char* const name : {"stage/a", "stage/b", "stage/c", "vault/gold"}) secret(name, 0600);
  secret("stage/g.pem", 0640, kForeignGroup);
  secret("stage/k.pem", 0640);
  const Fd file = open_now("vault/public", O_CREAT | O_EXCL | O_WRONLY, 0644);
  require(static_cast<bool>(file), "vault/public");
  kept_ = in_vault();
}

Adversary& World::actor_of(const Step& step) {
  const auto& operation = step.words.at(0);
  const bool links = operation == "link" || operation == "relink";
  const bool may_link = links && !options_.protects_hard_links;
  if (step.actor == "other") return may_link ? *other_linker_ : *other_;
  if (step.actor == "server") return *server_;
  return may_link ? *linker_ : *service_;
}

// guardd does not start with a tree that everybody can write. The service may have made it one.
void World::start_guardd() {
  if (guardd_->is_started()) return;
  require(::chmod("tree", 0755) == 0, "tree");
  guardd_->start();
}

int World::perform_for_guardd(const std::string& operation) {
  if (operation == "reload") return guardd_->send(SIGHUP), 0;
  is_calm_ = false;
  if (operation == "stop") return guardd_->send(SIGSTOP), 0;
  if (operation == "cont") return guardd_->send(SIGCONT), 0;
  if (operation == "kill") return guardd_->kill(), 0;
  if (operation == "start") return start_guardd(), 0;
  return 0;
}

int World::perform(const Step& step) {
  const auto& operation = step.words.at(0);
  if (step.actor == "wait") {
    pause(std::chrono::milliseconds(number(operation)));
    return 0;
  }
  if (step.actor == "guardd") return perform_for_guardd(operation);
  if (step.actor == "expect") {
    if (!first_wrong({operation}).empty())
      fail(operation + " does not become the service's", false);
    return 0;
  }
  if (operation == "burst" || operation == "many") is_calm_ = false;
  root_.set_racing(Clock::now() < races_until_);
  if (step.actor == "root") {
    const int error = root_.act(step);
    const auto now = in_vault();
    std::erase_if(kept_, [&](ino_t inode) { return !now.contains(inode); });
    return error;
  }
  auto& actor = actor_of(step);
  if (operation == "hold") {
    const auto inode = actor.hold(step.words.at(1));
    root_.is_held(inode);
    return inode.empty() ? EACCES : 0;
  }
  if (is_loop(step)) {
    is_calm_ = false;
    races_until_ = Clock::now() + std::chrono::milliseconds(number(step.words.back()) + 100);
  }
  return actor.act(step);
}

void World::fail(const std::string& what, bool is_breach) {
  if (!outcome_.failure.empty()) return;
  outcome_.failure = what;
  outcome_.is_breach = is_breach;
}

bool World::look(Adversary& who, const char* name) {
  for (const auto& seen : who.look()) {
    const auto* secret = secrets_.find(seen.text);
    if (!secret || secret->is_granted) continue;
    const auto facts = facts_of(seen.path);
    fail(std::string(name) + " reads root's secret of " + secret->origin + " at " + seen.path +
             ", which belongs to " + std::to_string(facts.st_uid) + ":" +
             std::to_string(facts.st_gid),
         true);
    return false;
  }
  return true;
}

std::set<ino_t> World::in_vault() {
  std::set<ino_t> found;
  for (const auto& each : fs::directory_iterator("vault"))
    found.insert(facts_of(each.path()).st_ino);
  return found;
}

// Nothing in there changes its owner, even if it can be read and has another name in the tree.
bool World::is_vault_untouched() {
  for (const auto& each : fs::directory_iterator("vault")) {
    const auto facts = facts_of(each.path());
    if (facts.st_uid == 0 || !kept_.contains(facts.st_ino)) continue;
    fail("root's " + each.path().string() + ", outside of the tree, has another owner", true);
    return false;
  }
  return true;
}

bool World::look() {
  return look(*service_, "svc") && look(*other_, "other") && is_vault_untouched();
}

void World::let_go_on() {
  for (const auto* actor : {&service_, &other_, &server_, &linker_, &other_linker_})
    (*actor)->stop();
  races_until_ = {};
  root_.set_racing(false);
  start_guardd();
  guardd_->send(SIGCONT);
}

std::string World::first_wrong(const std::vector<std::string>& names) const {
  const auto is_right = [&](const std::string& name) {
    const auto facts = facts_of(name);
    if (place_of(name) == Place::kShared && facts.st_uid == 0) return facts.st_gid == kService;
    const bool is_private = S_ISREG(facts.st_mode) && (facts.st_mode & 04U) == 0;
    return facts.st_uid == kService || (is_private && !options_.protects_hard_links);
  };
  const auto until = Clock::now() + kDeadline * slowness();
  for (;;) {
    const auto wrong = std::find_if_not(names.begin(), names.end(), is_right);
    if (wrong == names.end()) return "";
    if (Clock::now() > until) return *wrong;
    pause(5ms);
  }
}

void World::expect_live() {
  if (options_.guardd.action != "fix") return;
  // What was lost may cost evidence for what root creates before guardd has noticed that.
  const int tries = is_calm_ ? 1 : 4;
  std::string wrong;
  for (int i = 0; i < tries; ++i) {
    wrong = first_wrong(root_.make_probe("tree/probe." + std::to_string(++probes_)));
    if (wrong.empty()) return;
  }
  fail("root has created " + wrong + ", and it does not become the service's", false);
}

Outcome World::run(const Script& script, bool with_new_guardd) {
  outcome_ = {};
  is_calm_ = true;
  if (with_new_guardd) guardd_->kill();
  clear();
  secrets_.forget_all();
  root_.forget_held();
  lay_out();
  start_guardd();
  for (const auto& step : script) {
    outcome_.errors.push_back(perform(step));
    ++outcome_.steps;
    const bool has_waited = step.actor == "wait" && number(step.words.at(0)) >= 20;
    if (has_waited || outcome_.steps % kStepsALook == 0) (void)look();
    if (!outcome_.failure.empty()) break;
  }
  const auto end = Clock::now();
  let_go_on();
  if (outcome_.failure.empty()) {
    expect_live();
    while (look() && Clock::now() < end + kQuiet * slowness()) pause(50ms);
  }
  if (const auto why = guardd_->why_it_ended(); !why.empty()) fail(why, false);
  return std::move(outcome_);
}

}  // namespace guard::test
