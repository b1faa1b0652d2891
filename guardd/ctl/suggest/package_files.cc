#include "guardd/ctl/suggest/package_files.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "guardd/ctl/machine/config_lines.h"

namespace guard::suggest {
namespace {

constexpr const char* kInfo = "/var/lib/dpkg/info";
constexpr std::array<std::string_view, 3> kEndings{".postinst", ".preinst", ".config"};
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;
constexpr std::size_t kShortestName = 5;  // shorter names are words of many scripts

// What the programs of packages make as root, without a script that names it: mariadb-upgrade, at
// the start of the server.
constexpr std::array<std::string_view, 2> kOthers{"mysql_upgrade_info", "mariadb_upgrade_info"};

bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._+-").find(c) != std::string_view::npos;
}

// Whether the text contains the name as a whole: not as a part of a longer name or path.
bool has_name(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; (at = text.find(name, at)) != std::string_view::npos; ++at) {
    const auto end = at + name.size();
    const bool begins = at == 0 || !is_of_name(text[at - 1]);
    if (begins && (end == text.size() || !is_of_name(text[end]))) return true;
  }
  return false;
}

// "debian-*.flag" for debian-10.11.flag.
std::string without_version(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string pattern;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_digit(name[i])) {
      pattern += name[i];
      continue;
    }
    while (i + 1 < name.size() &&
           (is_digit(name[i + 1]) ||
            (name[i + 1] == '.' && i + 2 < name.size() && is_digit(name[i + 2]))))
      ++i;
    pattern += '*';
  }
  return pattern;
}

}  // namespace

std::vector<std::string> PackageFiles::texts(
    const std::function<bool(std::string_view name)>& is_one) const {
  std::vector<std::string> all;
  std::size_t bytes = 0;
  for (const auto& name : machine_.names(kInfo)) {
    if (!is_one(name) || bytes > kMostBytes) continue;
    auto text = machine_.text(std::string(kInfo) + '/' + name);
    if (!text) continue;
    bytes += text->size();
    all.push_back(*std::move(text));
  }
  return all;
}

const std::vector<std::string>& PackageFiles::scripts() {
  if (!scripts_) {
    scripts_ = texts([](std::string_view name) {
      return std::any_of(kEndings.begin(), kEndings.end(),
                         [&](std::string_view each) { return name.ends_with(each); });
    });
  }
  return *scripts_;
}

bool PackageFiles::has_unpacked(const std::string& path) {
  if (!unpacked_) {
    unpacked_.emplace();
    for (const auto& list : texts([](std::string_view name) { return name.ends_with(".list"); })) {
      for (const auto line : machine::lines_of(list))
        if (!line.starts_with("/usr/")) unpacked_->emplace(line);
    }
  }
  return unpacked_->contains(path);
}

bool PackageFiles::names(const std::string& path) {
  const auto& all = scripts();
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& text) { return has_name(text, path); });
}

bool PackageFiles::gives_to_root(const std::string& tree) {
  const auto is_it = [&](std::string_view line) {
    const auto words = machine::words_of(line);
    const auto is_recursive = [](const std::string& word) {
      return word.size() > 1 && word[0] == '-' && word[1] != '-' &&
             word.find('R') != std::string::npos;
    };
    const auto is_root = [](const std::string& word) {
      return word == "root" || word.starts_with("root:");
    };
    return !words.empty() && words.front() == "chown" &&
           std::any_of(words.begin(), words.end(), is_recursive) &&
           std::any_of(words.begin(), words.end(), is_root) &&
           std::any_of(words.begin(), words.end(), [&](const std::string& word) {
             return word == tree || word == tree + '/' || word == tree + "/*";
           });
  };
  const auto& all = scripts();
  return std::any_of(all.begin(), all.end(), [&](const std::string& text) {
    if (text.find(tree) == std::string::npos) return false;
    const auto lines = machine::lines_of(text);
    return std::any_of(lines.begin(), lines.end(), is_it);
  });
}

std::optional<std::string> PackageFiles::pattern_for(const std::string& tree,
                                                     const std::string& name) {
  if (name.size() < kShortestName || !std::all_of(name.begin(), name.end(), is_of_name))
    return std::nullopt;
  if (std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) return name;
  const auto& all = scripts();
  const bool is_named = std::any_of(all.begin(), all.end(), [&](const std::string& text) {
    return text.find(tree) != std::string::npos && has_name(text, name);
  });
  return is_named ? std::optional(without_version(name)) : std::nullopt;
}

}  // namespace guard::suggest
