#include "tests/model/generator.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

#include "tests/model/acts.h"

namespace guard::test {
namespace {

constexpr unsigned kFewest = 20;
constexpr unsigned kMost = 200;
constexpr std::ptrdiff_t kDeepest = 4;

bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Generator::Generator(std::uint64_t seed) : random_(seed) {
  for (const char* const name : {"tree", "stage", "tree/d", "tree/e", "tree/conf", "stage/d"})
    names_[name].is_directory = true;
  for (const char* const name : {"vault", "tree/secrets", "tree/closed"})
    names_[name] = {.is_directory = true, .is_roots = true, .is_secret = true};
  for (const char* const name :
       {"tree/secrets/ca.pem", "tree/closed/hidden", "tree/closed/open", "tree/conf/tls.key",
        "stage/a", "stage/b", "stage/c", "stage/g.pem", "stage/k.pem", "vault/gold"})
    names_[name] = {.is_directory = false, .is_roots = false, .is_secret = true};
  for (const char* const name : {"tree/own", "stage/own", "tree/d/own", "stage/others"})
    names_[name] = {};
}

Script Generator::script() {
  const auto length = kFewest + below(chance(70) ? 40 : kMost - kFewest);
  if (chance(70)) add("svc chmod tree 777");
  while (script_.size() < length) {
    add_step();
    const auto wait = weighted("0*65 1*15 20*12 150*8");
    if (wait != "0") add("wait " + wait);
  }
  return script_;
}

void Generator::add(const std::string& line) {
  script_.push_back(step_of(line));
  note(script_.back());
}

std::string Generator::one_of(const std::vector<std::string>& all) {
  return all.at(below(static_cast<unsigned>(all.size())));
}

std::string Generator::weighted(const char* choices) {
  std::vector<std::string> all;
  std::istringstream words(choices);
  for (std::string word; words >> word;) {
    const auto star = word.find('*');
    all.insert(all.end(), std::stoul(word.substr(star + 1)), word.substr(0, star));
  }
  return one_of(all);
}

bool Generator::is_movable(const std::string& path) const {
  const auto holder = names_.find(directory_of(path));
  return holder != names_.end() && !holder->second.is_roots;
}

std::string Generator::name_where(bool (*fits)(const std::string&, const Entry&, bool)) {
  std::vector<std::string> all;
  for (const auto& [path, entry] : names_)
    if (fits(path, entry, is_movable(path))) all.push_back(path);
  return all.empty() ? "stage/a" : one_of(all);
}

std::string Generator::secret() {
  return name_where([](const std::string&, const Entry& entry, bool is_movable) {
    return entry.is_secret && is_movable;
  });
}

std::string Generator::own_name() {
  if (chance(50)) return secret();
  return name_where([](const std::string&, const Entry&, bool is_movable) { return is_movable; });
}

std::string Generator::any_name() {
  return name_where([](const std::string& path, const Entry&, bool) {
    return path.find('/') != std::string::npos;
  });
}

std::string Generator::directory(const char* below) {
  std::vector<std::string> all;
  for (const auto& [path, entry] : names_) {
    if (entry.is_directory && (path == below || is_below(path, below)) &&
        std::count(path.begin(), path.end(), '/') < kDeepest)
      all.push_back(path);
  }
  return all.empty() ? below : one_of(all);
}

std::string Generator::new_name(const char* below) {
  return directory(below) + "/" +
         weighted("n*3 m*3 x*3 y*2 x.key*2 d*2 e*2 f*2 h*2 x.group*3 g.pem*1 k.pem*1 a*1");
}

std::string Generator::adversary() {
  return weighted("svc*12 other*5 server*2 suid*1");
}

void Generator::add_step() {
  const auto kind = weighted("attack*6 adversary*50 loop*4 root*37 guardd*3");
  if (kind == "attack") return add_attack();
  if (kind == "adversary") return add_adversarys();
  if (kind == "loop") return add_loop();
  if (kind == "root") return add_roots();
  return add_guardds();
}

void Generator::add_adversarys() {
  const auto who = adversary();
  const auto operation = weighted(
      "rename*34 exchange*10 create*8 mkdir*6 link*9 symlink*4 unlink*6 chmod*4 acl*2 "
      "default-acl*1 tmpfile*2 hold*3 fifo*1 write*3 touch*2 burst*1 deep*1");
  std::vector<std::string> words{who == "suid" && operation == "hold" ? "svc" : who, operation};
  const auto push = [&](const std::string& word) { words.push_back(word); };
  const char* const side = chance(75) ? "tree" : "stage";
  if (operation == "rename" || operation == "link") {
    push(own_name());
    push(new_name(side));
  } else if (operation == "exchange") {
    push(own_name());
    push(own_name());
  } else if (operation == "symlink") {
    push(one_of({"../stage", "../vault", "../stage/a", "../vault/gold", "d"}));
    push(new_name(side));
  } else if (operation == "create" || operation == "mkdir" || operation == "tmpfile" ||
             operation == "fifo") {
    push(new_name(side));
  } else if (operation == "burst" || operation == "deep") {
    push(directory("tree"));
    push(operation == "deep" ? "40" : "500");
  } else {
    push(operation == "default-acl" ? directory(side) : own_name());
    if (operation == "chmod") push(one_of({"777", "700", "644", "2777"}));
  }
  add(joined(words));
}

void Generator::add_loop() {
  const auto time = one_of({"30", "100", "300"});
  const auto who = weighted("svc*3 other*1 server*1");
  const auto operation = weighted("swap*4 spin*3 relink*1");
  if (operation == "swap") return add(who + " swap " + own_name() + " " + own_name() + " " + time);
  const auto name = new_name("tree");
  if (operation == "relink") return add(who + " relink " + secret() + " " + name + " " + time);
  add(who + " spin " + name + " " + new_name("tree") + " " + secret() + " " + time);
  if (chance(50)) add("wait 1");
  add("root " + one_of({"mkdir " + name, "create " + name + " 600", "create " + name + " 644"}));
}

void Generator::add_roots() {
  const auto operation = weighted(
      "create*16 mkdir*8 rename*10 exchange*2 link*4 symlink*1 unlink*3 touch*8 chmod*8 own*8 "
      "adopt*8 tmpfile*2 clone*2 fill*1 write*3");
  std::vector<std::string> words{"root", operation};
  const auto push = [&](const std::string& word) { words.push_back(word); };
  const char* const side = chance(70) ? "tree" : "stage";
  if (operation == "create" || operation == "tmpfile") {
    push(new_name(side));
    const bool is_shared = words.back().ends_with(".group");
    push(is_shared ? "640" : chance(65) ? "600" : "644");
  } else if (operation == "mkdir" || operation == "clone" || operation == "fill") {
    push(new_name("tree"));
    if (operation == "fill") push("20");
  } else if (operation == "rename" || operation == "link") {
    push(any_name());
    push(new_name(chance(85) ? "tree" : "stage"));
  } else if (operation == "exchange") {
    push(any_name());
    push(any_name());
  } else if (operation == "symlink") {
    push("own");
    push(new_name("tree"));
  } else {
    push(any_name());
    if (operation == "chmod") push("700");
  }
  add(joined(words));
}

void Generator::add_guardds() {
  const auto what = weighted("reload*3 stop*4 kill*2");
  add("guardd " + what);
  if (what == "reload") return;
  for (unsigned i = below(6); i > 0; --i) chance(70) ? add_adversarys() : add_roots();
  if (what == "stop" && chance(15)) add("svc burst tree/d 17000");
  add(what == "stop" ? "guardd cont" : "guardd start");
}

void Generator::note_move(const std::string& from, const std::string& to, bool is_exchange) {
  if (from == to || is_below(to, from) || is_below(from, to)) return;
  Names moved;
  for (auto at = names_.begin(); at != names_.end();) {
    const auto& path = at->first;
    if (path == from || is_below(path, from)) {
      moved[to + path.substr(from.size())] = at->second;
    } else if (path == to || is_below(path, to)) {
      if (is_exchange) moved[from + path.substr(to.size())] = at->second;
    } else {
      ++at;
      continue;
    }
    at = names_.erase(at);
  }
  names_.merge(moved);
}

void Generator::note(const Step& step) {
  if (step.words.size() < 2) return;
  const auto& operation = step.words[0];
  const auto& path = step.words[1];
  const bool is_roots = step.actor == "root";
  if (!is_roots && !is_movable(path) && operation != "link") return;
  if (operation == "create" || operation == "tmpfile" || operation == "adopt" ||
      operation == "fifo") {
    const bool is_secret = is_roots && (operation == "adopt" || step.words.back() == "600");
    names_.insert_or_assign(path, Entry{.is_secret = is_secret});
  } else if (operation == "mkdir" || operation == "clone") {
    names_.insert({path, Entry{.is_directory = true, .is_roots = is_roots}});
  } else if (operation == "unlink") {
    names_.erase(path);
  } else if (step.words.size() > 2) {
    const auto& to = step.words[2];
    const auto source = names_.find(path);
    if (operation == "symlink") names_.insert({to, Entry{}});
    if (source == names_.end() || (!is_roots && !is_movable(to))) return;
    if (operation == "link" && !source->second.is_directory) names_.insert({to, source->second});
    if (operation == "rename" || operation == "exchange")
      note_move(path, to, operation == "exchange");
  }
}

}  // namespace guard::test
