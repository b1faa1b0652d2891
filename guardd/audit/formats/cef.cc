#include <array>

#include "guardd/audit/formats/field_text.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// The specification's limits of the keys below.
constexpr std::size_t kLongestStandard = 1023;
constexpr std::size_t kLongestCustom = 4000;

// In the header, "|" ends a field; in the extension, "=" ends a key.
std::string with_backslashes(std::string_view text, std::string_view special) {
  std::string escaped;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

int severity_of(Severity severity) {
  constexpr std::array<int, Words<Severity>::kAll.size()> kSeverities{1, 3, 5, 8, 10};
  return kSeverities[static_cast<std::size_t>(severity)];
}

struct Key {
  std::string_view key;
  std::string_view field;
};

constexpr std::array kKeys{
    Key{"externalId", "id"},
    Key{"act", "action"},
    Key{"cat", "guard"},
    Key{"reason", "reason"},
    Key{"filePath", "path"},
    Key{"oldFilePath", "old_path"},
    Key{"fileId", "inode"},
    Key{"fileType", "file_type"},
    Key{"filePermission", "mode_after"},
    Key{"oldFilePermission", "mode_before"},
    Key{"suser", "login_user"},
    Key{"suid", "login_uid"},
    Key{"spid", "pid"},
    Key{"sproc", "exe"},
    Key{"shost", "session_remote_host"},
    Key{"duid", "uid_wanted"},
};

// Custom keys, which need labels: cs1 to cs6 for text, cn1 to cn3 for numbers.
constexpr std::array kTexts{Key{"cs1", "policy"}, Key{"cs2", "incident"},  Key{"cs3", "cmdline"},
                            Key{"cs4", "unit"},   Key{"cs5", "container"}, Key{"cs6", "category"}};
constexpr std::array kNumbers{Key{"cn1", "uid_before"}, Key{"cn2", "uid_after"}, Key{"cn3", "uid"}};

class Extension {
 public:
  void add(std::string_view key, std::string_view text) {
    if (text.empty()) return;
    if (!text_.empty()) text_ += ' ';
    text_.append(key).append("=").append(with_backslashes(text, "\\="));
  }
  void add_custom(const Key& key, std::string_view text) {
    if (text.empty()) return;
    add(key.key, text);
    add(std::string(key.key) + "Label", key.field);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

std::string cef_line(const Violation& violation, const FormatContext& context) {
  const auto guard = std::string(word(violation.guard));
  const auto operation = std::string(word(violation.operation));
  const auto millis =
      std::chrono::floor<std::chrono::milliseconds>(violation.time.time_since_epoch()).count();
  Extension extension;
  extension.add("rt", std::to_string(millis));
  extension.add("dvchost", host_of(violation, context));
  for (const auto& [key, field] : kKeys)
    extension.add(key, field_text(violation, field, kLongestStandard));
  extension.add("duser", escaped(violation.owner_wanted));
  for (const auto& key : kTexts)
    extension.add_custom(key, field_text(violation, key.field, kLongestCustom));
  for (const auto& key : kNumbers)
    extension.add_custom(key, field_text(violation, key.field, kLongestCustom));
  extension.add("msg", sentence_about(violation, kLongestStandard));
  std::string line = "CEF:0|guardd|guardd|" + with_backslashes(context.version, "\\|") + '|';
  line += guard + '-' + operation + '|';
  line += "Violation of " + guard + ": " + operation + '|';
  line += std::to_string(severity_of(violation.severity)) + '|';
  return line + extension.text() + '\n';
}

}  // namespace guard
