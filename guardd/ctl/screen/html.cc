#include "guardd/ctl/screen/html.h"

#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::ctl {

std::string html(std::string_view text) {
  return without_markup(text);
}

std::string html_name(std::string_view bytes, std::size_t columns) {
  const auto whole = escaped(bytes);
  const auto name =
      whole.starts_with('/') ? shortened_middle(whole, columns) : shortened(whole, columns);
  return "<bdi>" + html(name) + "</bdi>";
}

}  // namespace guard::ctl
