// What a person sees: colour only on a terminal, columns that line up, long output through a pager.
// What a pipe gets is plain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guardd/host/terminal_text.h"

namespace guard::ctl {

class Terminal {
 public:
  // Looks at standard output, NO_COLOR and TERM.
  static Terminal detect(bool pager);

  std::string paint(Tone tone, std::string_view text) const { return paint_(tone, text); }
  bool is_terminal() const { return is_terminal_; }

  // Writes all of it, through a pager if it is longer than the screen. False if it could not be
  // written.
  bool show(const std::string& text) const;

 private:
  bool is_terminal_ = false;
  Paint paint_;
  bool pager_ = false;
};

// Of the terminal; 0: nobody knows.
std::size_t screen_rows();

// What a line may be wide, on a terminal or not: mails and tickets have no wider ones.
inline constexpr std::size_t kWidth = kLineWidth;

// Rows of cells under headings, each column as wide as its widest cell. A cell of the last column
// may have several lines; where that column does not fit, its lines may stand below their row.
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

// All lines but the first stand where it does.
using guard::wrapped;
inline std::string wrapped(std::string_view text, std::size_t indent) {
  return guard::wrapped(text, indent, indent);
}

// "3 policies", "1 policy"
std::string counted(std::size_t count, std::string_view one, std::string_view many);

}  // namespace guard::ctl
