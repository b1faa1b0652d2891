#include "guardd/ctl/doctor/logrotate.h"

#include <algorithm>
#include <array>

#include "guardd/ctl/machine/config_lines.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

bool is_ignored(const std::string& name) {
  constexpr std::array<std::string_view, 9> kEndings{"~",         ".dpkg-dist", ".dpkg-old",
                                                     ".dpkg-new", ".dpkg-bak",  ".rpmsave",
                                                     ".rpmnew",   ".bak",       ".disabled"};
  return name.starts_with('.') || std::any_of(kEndings.begin(), kEndings.end(),
                                              [&](auto ending) { return name.ends_with(ending); });
}

class Reader {
 public:
  explicit Reader(std::vector<Rotation>& found) : found_(found) {}

  void read(const std::vector<std::string>& lines, const std::string& file) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto line = machine::stripped(lines[i]);
      if (line.starts_with('#')) continue;
      const auto words =
          machine::words_of(line.substr(0, std::min(line.find(" #"), line.find("\t#"))));
      if (words.empty()) continue;
      take(words, file + ':' + std::to_string(i + 1));
    }
  }

 private:
  void take(const std::vector<std::string>& words, const std::string& place) {
    if (is_script_) {
      is_script_ = words.front() != "endscript";
    } else if (is_inside_) {
      if (words.front().starts_with('}')) {
        is_inside_ = false;
        paths_.clear();
      } else if (words.front().ends_with("rotate") || words.front().ends_with("action")) {
        constexpr std::array<std::string_view, 5> kScripts{"prerotate", "postrotate", "preremove",
                                                           "firstaction", "lastaction"};
        is_script_ = std::find(kScripts.begin(), kScripts.end(), words.front()) != kScripts.end();
      } else {
        add(words, place);
      }
    } else {
      open(words);
    }
  }

  // The paths before a block may be on several lines.
  void open(const std::vector<std::string>& words) {
    if (!words.front().starts_with('/') && !words.front().starts_with('{')) return paths_.clear();
    for (auto word : words) {
      const bool begins = word.ends_with('{');
      if (begins) word.pop_back();
      if (word.starts_with('/')) paths_.push_back(word);
      if (begins) is_inside_ = true;
    }
  }

  void add(std::vector<std::string> words, const std::string& place) {
    Rotation rotation;
    rotation.key = words.front();
    rotation.place = place;
    if (rotation.key != "create" && rotation.key != "su") return;
    words.erase(words.begin());
    if (rotation.key == "create" && !words.empty()) {
      rotation.mode = parse_number(words.front(), 8);
      if (rotation.mode) words.erase(words.begin());
    }
    if (words.empty() || (rotation.key == "su" && words.front() == "root")) return;
    rotation.user = words.front();
    if (words.size() > 1) rotation.group = words[1];
    for (const auto& path : paths_) {
      rotation.path = path;
      found_.push_back(rotation);
    }
  }

  std::vector<Rotation>& found_;
  std::vector<std::string> paths_;
  bool is_inside_ = false;
  bool is_script_ = false;
};

}  // namespace

std::vector<Rotation> rotations(const Machine& machine) {
  std::vector<Rotation> found;
  std::vector<std::string> files{"/etc/logrotate.conf"};
  for (const auto& name : machine.names("/etc/logrotate.d"))
    if (!is_ignored(name)) files.push_back("/etc/logrotate.d/" + name);
  for (const auto& file : files)
    if (const auto lines = machine.lines(file)) Reader(found).read(*lines, file);
  return found;
}

}  // namespace guard::doctor
