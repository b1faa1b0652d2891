#include "guardd/ctl/suggest/specifiers.h"

#include <charconv>

#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/machine/unit_files.h"

namespace guard::suggest {
namespace {

using machine::stripped;

std::string first_line(const Machine& machine, const std::string& path) {
  const auto text = machine.text(path);
  return text ? std::string(stripped(text->substr(0, text->find('\n')))) : std::string();
}

std::string last_component(std::string_view prefix) {
  return std::string(prefix.substr(prefix.rfind('-') + 1));
}

std::optional<std::string> meaning(char specifier, const std::string& unit,
                                   const Machine& machine) {
  const auto prefix = machine::prefix_of(unit);
  const auto instance = machine::instance_of(unit);
  std::string value;
  switch (specifier) {
    case '%':
      return "%";
    case 'n':
      return unit;
    case 'N':
      return unit.substr(0, unit.rfind('.'));
    case 'p':
      return std::string(prefix);
    case 'P':
      return unescaped_name(prefix);
    case 'i':
      return std::string(instance);
    case 'I':
      return unescaped_name(instance);
    case 'j':
      return last_component(prefix);
    case 'J':
      return unescaped_name(last_component(prefix));
    case 'f':
      return "/" + unescaped_name(instance.empty() ? prefix : instance);
    case 'S':
      return "/var/lib";
    case 'C':
      return "/var/cache";
    case 'L':
      return "/var/log";
    case 't':
      return "/run";
    case 'E':
      return "/etc";
    case 'T':
      return "/tmp";
    case 'V':
      return "/var/tmp";
    // Those of the manager, which is root, regardless of User=.
    case 'u':
    case 'g':
      return "root";
    case 'U':
    case 'G':
      return "0";
    case 'h':
      return "/root";
    case 's':
      return "/bin/sh";
    case 'H':
      value = first_line(machine, "/etc/hostname");
      break;
    case 'l':
      value = first_line(machine, "/etc/hostname");
      value.resize(std::min(value.find('.'), value.size()));
      break;
    case 'm':
      value = first_line(machine, "/etc/machine-id");
      break;
    default:
      break;
  }
  if (value.empty()) return std::nullopt;
  return value;
}

}  // namespace

std::string unescaped_name(std::string_view escaped) {
  std::string name;
  for (std::size_t at = 0; at < escaped.size(); ++at) {
    unsigned value = 0;
    const auto* digits = escaped.data() + at + 2;
    if (escaped[at] == '-') {
      name += '/';
    } else if (escaped.substr(at).starts_with("\\x") && at + 4 <= escaped.size() &&
               std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      name += static_cast<char>(value);
      at += 3;
    } else {
      name += escaped[at];
    }
  }
  return name;
}

std::optional<std::string> expanded(std::string_view text, const std::string& unit,
                                    const Machine& machine) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    const auto value = meaning(text[++at], unit, machine);
    if (!value) return std::nullopt;
    out += *value;
  }
  return out;
}

}  // namespace guard::suggest
