// Unit files and configuration files of a machine that guardctl examines, and its accounts. Input:
// the text; or a colon and the text of accounts, which take much longer.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/ctl/machine/account_files.h"
#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/machine/unit_files.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::require;
namespace machine = guard::machine;

void check_unit(std::string_view text) {
  machine::Unit unit("shop@1.service");
  unit.add("[Service]\nUser=before\n", "/etc/first.conf");
  unit.add(text, "/etc/second.conf");
  const auto lines = machine::lines_of(text).size();
  for (const auto* section : {"Service", "Unit", "Install"}) {
    for (const auto* key : {"User", "Group", "ExecStart", "StateDirectory", ""}) {
      if (const auto* last = unit.last(section, key)) {
        require(last->line >= 1 && last->line <= std::max<std::size_t>(lines, 2), "no such line",
                text);
        require(machine::stripped(last->value) == last->value, "not stripped", text);
        require(unit.value(section, key) == last->value, "another value", text);
      }
      for (const auto& value : unit.values(section, key))
        require(!value.empty() && value.find('\n') == std::string::npos, "not a value", text);
      (void)unit.words(section, key);
    }
  }
}

void check_words(std::string_view text) {
  std::size_t sum = 0;
  for (const auto& word : machine::words_of(text)) sum += word.size();
  require(sum <= text.size(), "longer than the text", text);
  for (const auto* key : {"dir", "datadir", "User", ""})
    if (const auto value = machine::configured(text, key))
      require(text.find(*value) != text.npos, "not in the text", text);
  const auto prefix = machine::prefix_of(text);
  const auto instance = machine::instance_of(text);
  require(prefix.size() + instance.size() <= text.size(), "longer than the name", text);
}

std::vector<std::string> first(std::vector<std::string> names, std::size_t count) {
  names.resize(std::min(names.size(), count));
  return names;
}

void check_accounts(const std::string& text) {
  const machine::AccountFiles accounts(text, text);
  constexpr std::size_t kMost = 8;  // each of them is a search through all
  for (const auto& name : first(accounts.user_names(), kMost)) {
    const auto account = accounts.user(name);
    require(account && *account && (*account)->name == name, "no such user", name);
  }
  for (const auto& name : first(accounts.group_names(), kMost)) {
    const auto group = accounts.group(name);
    require(group && *group, "no such group", name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with(':')) {
    check_accounts(std::string(text.substr(1)));
  } else {
    check_unit(text);
    check_words(text);
  }
  return 0;
}
