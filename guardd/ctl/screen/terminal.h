// Output for people: colours on a terminal only, aligned columns, and a pager for long output. A
// pipe gets plain text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guardd/host/terminal_text.h"

namespace guard::ctl {

class Terminal {
 public:
  // Checks standard output, NO_COLOR and TERM.
  static Terminal detect(bool pager);

  std::string paint(Tone tone, std::string_view text) const { return colours_(tone, text); }
  bool is_terminal() const { return is_terminal_; }

  // Writes the text, through a pager if it is longer than the screen. Returns false if it could not
  // be written.
  bool show(const std::string& text) const;

 private:
  bool is_terminal_ = false;
  Colours colours_;
  bool pager_ = false;
};

// The rows of the terminal; 0 if not known.
std::size_t screen_rows();

// The width of a line, on a terminal or not: it fits mails and tickets.
inline constexpr std::size_t kWidth = kLineWidth;

// Rows of cells under headings, each column as wide as its widest cell. A cell of the last column
// may have several lines, which move below their row if the column does not fit.
class Table {
 public:
  enum class Last { kBelowIfWide, kBeside };
  explicit Table(std::vector<std::string> headings, Last last = Last::kBelowIfWide)
      : headings_(std::move(headings)), last_(last) {}

  struct Cell {
    std::string text;
    Tone tone = Tone::kPlain;
  };
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  std::string text(const Terminal& terminal) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<Cell>> rows_;
  Last last_;
};

// Later lines have the same indent as the first.
using guard::wrapped;
inline std::string wrapped(std::string_view text, std::size_t indent) {
  return guard::wrapped(text, indent, indent);
}

// "3 policies", "1 policy"
std::string counted(std::size_t count, std::string_view one, std::string_view many);

}  // namespace guard::ctl
