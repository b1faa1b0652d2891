#include "tests/model/root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "tests/model/acts.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAccessList = "system.posix_acl_access";

std::string link_text(int descriptor) {
  std::array<char, 4096> text{};
  const auto name = "/proc/self/fd/" + std::to_string(descriptor);
  const auto length = ::readlink(name.c_str(), text.data(), text.size());
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "";
}

int write_line(int file, const std::string& text) {
  const auto line = text + "\n";
  return ::write(file, line.data(), line.size()) < 0 ? errno : 0;
}

// Of all secrets at a path and below it.
std::vector<std::string> texts_below(int directory, const std::string& leaf) {
  std::vector<std::string> texts;
  visit_files("/proc/self/fd/" + std::to_string(directory) + "/" + leaf,
              [&](const std::string&, int file) {
                if (auto text = secret_text(file); !text.empty()) texts.push_back(std::move(text));
              });
  return texts;
}

bool is_directory_at(int directory, const std::string& leaf) {
  struct stat facts {};
  return ::fstatat(directory, leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(facts.st_mode);
}

// Directories that the adversaries cannot move.
bool is_fixed(const std::string& path) {
  const auto directory = directory_of(path);
  return directory.ends_with("/srv/stage") || directory.ends_with("/srv/vault");
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

bool uses_lsm() {
  const char* const name = std::getenv("GUARD_TEST_BACKEND");  // NOLINT(concurrency-mt-unsafe)
  return name && std::string_view(name) == "lsm";
}

}  // namespace

Root::Name::Name(const std::string& given)
    : path(given),
      directory(open_now(directory_of(given), O_PATH | O_DIRECTORY)),
      leaf(leaf_of(given)) {}

std::string Root::Name::where() const {
  return link_text(directory.get()) + "/" + leaf;
}

int Root::act(const Step& step) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    const int error = act_here(step);
    const auto reply = std::to_string(error) + "\n" + secrets_.written();
    (void)!::write(writer.get(), reply.data(), reply.size());  // a pipe takes 64 KiB at once
    ::_exit(0);
  }
  writer.reset();
  std::string reply;
  std::array<char, 4096> part{};
  for (ssize_t length = 0; (length = ::read(reader.get(), part.data(), part.size())) > 0;)
    reply.append(part.data(), static_cast<std::size_t>(length));
  ::waitpid(child, nullptr, 0);
  if (reply.empty()) throw std::runtime_error("no answer to: " + text_of(step));
  const auto end = reply.find('\n');
  secrets_.read(reply.substr(end + 1));
  return std::stoi(reply.substr(0, end));
}

int Root::act_here(const Step& step) {
  const auto& words = step.words;
  const auto& operation = words.at(0);
  const auto& path = words.at(1);
  if (operation == "create") return create(path, mode_number(words.at(2)), false);
  if (operation == "tmpfile") return create(path, mode_number(words.at(2)), true);
  if (operation == "adopt") return adopt(path);
  if (operation == "own") return own(path);
  if (operation == "chmod") return change_mode(path, words.at(2));
  if (operation == "clone") return clone(path);
  if (operation == "fill") return fill(path, number(words.at(2)));
  if (operation == "rename") return move(step, 0);
  if (operation == "exchange") return move(step, RENAME_EXCHANGE);
  if (operation == "link") return link(path, words.at(2));
  return common_act(words);
}

bool Root::may_have_changed(const Name& name, const std::string& before) const {
  return (is_racing_ && !is_fixed(before)) || name.where() != before;
}

int Root::create(const std::string& path, mode_t mode, bool is_tmpfile) {
  const Name name(path);
  const auto before = name.where();
  const Fd file(is_tmpfile
                    ? ::openat(name.directory.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode)
                    : ::openat(name.directory.get(), name.leaf.c_str(),
                               O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
  if (!file) return errno;
  if (is_tmpfile && ::linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(file.get())).c_str(),
                             name.directory.get(), name.leaf.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return errno;
  const auto place = place_of(before);
  const bool is_granted = is_services_to_read(place) || may_have_changed(name, before);
  const bool is_private = (mode & (place == Place::kShared ? 07U : 077U)) == 0;
  if (!is_private) return write_line(file.get(), "public");
  // A list that its directory gives to new files can let others read it.
  (void)::fremovexattr(file.get(), kAccessList);
  return write_line(file.get(), secrets_.add(path, is_granted));
}

int Root::adopt(const std::string& path) {
  const Fd file = open_now(path, O_WRONLY);
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0) return errno;
  if (!S_ISREG(facts.st_mode) || facts.st_uid == 0) return EEXIST;
  const auto before = link_text(file.get());
  if (::fchown(file.get(), 0, 0) != 0 || ::fchmod(file.get(), 0600) != 0 ||
      ::ftruncate(file.get(), 0) != 0)
    return errno;
  (void)::fremovexattr(file.get(), kAccessList);
  const auto id = std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
  // Its former owner, which has another name of it, could hold it open. fanotify cannot tell that
  // root takes it by this name.
  const bool has_another_name = facts.st_nlink > 1 && !uses_lsm();
  const bool is_granted = place_of(before) != Place::kOutside || link_text(file.get()) != before ||
                          has_another_name || held_.contains(id) ||
                          (is_racing_ && !is_fixed(before));
  return write_line(file.get(), secrets_.add(path, is_granted));
}

int Root::own(const std::string& path) {
  return ::chown(path.c_str(), 0, 0) == 0 ? 0 : errno;
}

// Root never opens its secrets to others by their mode.
int Root::change_mode(const std::string& path, const std::string& mode) {
  return ::chmod(path.c_str(), mode_number(mode) & 0700U) == 0 ? 0 : errno;
}

int Root::clone(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) return errno;
  (void)create(path + "/config", 0644, false);
  (void)::mkdir((path + "/objects").c_str(), 0700);
  (void)create(path + "/objects/pack", 0600, false);
  (void)create(path + "/objects/index", 0444, false);
  return create(path + "/credentials", 0600, false);
}

int Root::fill(const std::string& path, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const int error = create(path + "." + std::to_string(i), i % 2 == 0 ? 0600 : 0644, false);
    if (error != 0) return error;
    std::this_thread::sleep_for(1ms);  // the time in which races are lost and won
  }
  return 0;
}

// A secret is given away if its own place changes from root's or from outside to the service's.
// What is renamed within the service's part of the tree may have been put there by the adversary.
void Root::note_move(const std::vector<std::string>& texts, const Name& from, const Name& to,
                     const std::string& from_before, const std::string& to_before,
                     bool is_directory) {
  const auto source = place_of(from_before);
  const auto target = place_of(to_before);
  const bool is_moved_in = is_services_to_read(target) && source != target;
  const bool is_tree_moved_in = is_directory && target != Place::kOutside && source != target &&
                                to_before.find("/tree/secrets/") == std::string::npos;
  const bool is_uncertain = may_have_changed(from, from_before) || may_have_changed(to, to_before);
  for (const auto& text : texts) {
    const auto* secret = secrets_.find(text);
    if (!secret) continue;
    if (is_moved_in || is_tree_moved_in || is_uncertain || secret->is_hidden_by_directory)
      secrets_.grant(text);
  }
}

int Root::move(const Step& step, unsigned flags) {
  const Name from(step.words.at(1));
  const Name to(step.words.at(2));
  const auto from_before = from.where();
  const auto to_before = to.where();
  const bool is_directory = is_directory_at(from.directory.get(), from.leaf) ||
                            is_directory_at(to.directory.get(), to.leaf);
  auto there = texts_below(from.directory.get(), from.leaf);
  auto back = texts_below(to.directory.get(), to.leaf);
  if (::renameat2(from.directory.get(), from.leaf.c_str(), to.directory.get(), to.leaf.c_str(),
                  flags) != 0)
    return errno;
  append(there, texts_below(to.directory.get(), to.leaf));
  note_move(there, from, to, from_before, to_before, is_directory);
  if (flags == RENAME_EXCHANGE) {
    append(back, texts_below(from.directory.get(), from.leaf));
    note_move(back, to, from, to_before, from_before, is_directory);
  }
  return 0;
}

// A link gives nothing away: it is reported. But guardd cannot always tell a link to a file that
// has just been created from that creation.
int Root::link(const std::string& from_path, const std::string& to_path) {
  const Name from(from_path);
  const Name to(to_path);
  const auto texts = texts_below(from.directory.get(), from.leaf);
  if (::linkat(from.directory.get(), from.leaf.c_str(), to.directory.get(), to.leaf.c_str(), 0) !=
      0)
    return errno;
  for (const auto& text : texts) {
    const auto* secret = secrets_.find(text);
    if (!secret) continue;
    if (is_racing_ || secret->is_hidden_by_directory ||
        std::chrono::steady_clock::now() - secret->born < 1s)
      secrets_.grant(text);
  }
  return 0;
}

std::vector<std::string> Root::make_probe(const std::string& path) {
  (void)act(step_of("root clone " + path));
  (void)act(step_of("root create " + path + ".private 600"));
  (void)act(step_of("root create " + path + ".public 644"));
  std::vector<std::string> names{path};
  for (const char* const more : {".private", ".public", "/config", "/credentials", "/objects",
                                 "/objects/index", "/objects/pack"})
    names.push_back(path + more);
  return names;
}

}  // namespace guard::test
