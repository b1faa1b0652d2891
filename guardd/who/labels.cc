#include "guardd/who/labels.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace guard {
namespace {

struct Known {
  std::string_view name;
  Label label;
};

// A name in one of kPlaces, or a full path. Sorted by label, then by distribution.
constexpr std::array kPrograms{
    Known{"dpkg", Label::kPackageManager},
    Known{"dpkg-deb", Label::kPackageManager},
    Known{"apt", Label::kPackageManager},
    Known{"apt-get", Label::kPackageManager},
    Known{"aptitude", Label::kPackageManager},
    Known{"synaptic", Label::kPackageManager},
    Known{"unattended-upgrade", Label::kPackageManager},
    Known{"unattended-upgrades", Label::kPackageManager},
    Known{"rpm", Label::kPackageManager},
    Known{"dnf", Label::kPackageManager},
    Known{"dnf-3", Label::kPackageManager},
    Known{"dnf4", Label::kPackageManager},
    Known{"dnf5", Label::kPackageManager},
    Known{"dnf5daemon-server", Label::kPackageManager},
    Known{"microdnf", Label::kPackageManager},
    Known{"yum", Label::kPackageManager},
    Known{"rpm-ostree", Label::kPackageManager},
    Known{"zypper", Label::kPackageManager},
    Known{"pacman", Label::kPackageManager},
    Known{"apk", Label::kPackageManager},
    Known{"emerge", Label::kPackageManager},
    Known{"xbps-install", Label::kPackageManager},
    Known{"snapd", Label::kPackageManager},
    Known{"/usr/lib/snapd/snapd", Label::kPackageManager},
    Known{"/usr/libexec/packagekitd", Label::kPackageManager},
    Known{"/usr/lib/packagekit/packagekitd", Label::kPackageManager},

    Known{"restic", Label::kBackup},
    Known{"rustic", Label::kBackup},
    Known{"borg", Label::kBackup},
    Known{"borgmatic", Label::kBackup},
    Known{"rsnapshot", Label::kBackup},
    Known{"rdiff-backup", Label::kBackup},
    Known{"duplicity", Label::kBackup},
    Known{"duply", Label::kBackup},
    Known{"kopia", Label::kBackup},
    Known{"bup", Label::kBackup},
    Known{"burp", Label::kBackup},
    Known{"bacula-fd", Label::kBackup},
    Known{"bareos-fd", Label::kBackup},
    Known{"urbackupclientbackend", Label::kBackup},
    Known{"dsmc", Label::kBackup},

    Known{"ansible", Label::kConfigManagement},
    Known{"ansible-playbook", Label::kConfigManagement},
    Known{"ansible-pull", Label::kConfigManagement},
    Known{"puppet", Label::kConfigManagement},
    Known{"/opt/puppetlabs/bin/puppet", Label::kConfigManagement},
    Known{"/opt/puppetlabs/puppet/bin/puppet", Label::kConfigManagement},
    Known{"chef-client", Label::kConfigManagement},
    Known{"/opt/chef/bin/chef-client", Label::kConfigManagement},
    Known{"cinc-client", Label::kConfigManagement},
    Known{"salt-minion", Label::kConfigManagement},
    Known{"salt-call", Label::kConfigManagement},
    Known{"/opt/saltstack/salt/salt-minion", Label::kConfigManagement},
    Known{"/opt/saltstack/salt/salt-call", Label::kConfigManagement},
    Known{"cf-agent", Label::kConfigManagement},
    Known{"/var/cfengine/bin/cf-agent", Label::kConfigManagement},
};

constexpr std::array<std::string_view, 6> kPlaces{"/usr/bin/", "/usr/sbin/",      "/bin/",
                                                  "/sbin/",    "/usr/local/bin/", "/usr/libexec/"};

// Optionally followed by a version: python3.11, perl5.36.0.
constexpr std::array<std::string_view, 7> kInterpreters{"python", "perl", "ruby",           "sh",
                                                        "bash",   "dash", "platform-python"};

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// The name of a program in one of the system directories, or empty.
std::string_view placed_name(std::string_view path) {
  const auto name = base_name(path);
  const auto place = path.substr(0, path.size() - name.size());
  return std::find(kPlaces.begin(), kPlaces.end(), place) != kPlaces.end() ? name
                                                                           : std::string_view();
}

EnumSet<Label> of_program(std::string_view path) {
  EnumSet<Label> labels;
  if (!path.starts_with('/')) return labels;
  const auto name = placed_name(path);
  for (const auto& known : kPrograms)
    if (known.name == path || (!name.empty() && known.name == name)) labels.add(known.label);
  return labels;
}

bool is_interpreter(std::string_view exe) {
  const auto name = base_name(exe);
  return std::any_of(kInterpreters.begin(), kInterpreters.end(), [&](std::string_view known) {
    return name.starts_with(known) &&
           std::all_of(name.begin() + static_cast<std::ptrdiff_t>(known.size()), name.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
  });
}

// The script that an interpreter runs. Options may precede it, except those that contain or name
// the program (-c, -e, -E of perl, -m) or take the next argument: then the script is unknown.
std::string_view script_of(std::string_view arguments, std::string_view harmless) {
  for (bool first = true; !arguments.empty(); first = false) {
    const auto argument = arguments.substr(0, arguments.find('\0'));
    arguments.remove_prefix(std::min(argument.size() + 1, arguments.size()));
    if (first) continue;
    if (!argument.starts_with("-")) return argument;
    if (argument.find_first_not_of(harmless, 1) != std::string_view::npos) return {};
  }
  return {};
}

}  // namespace

EnumSet<Label> labels_of(std::string_view exe, std::string_view arguments) {
  const auto labels = of_program(exe);
  if (!labels.empty() || !is_interpreter(exe)) return labels;
  const bool python = exe.find("python") != std::string_view::npos;
  return of_program(script_of(arguments, python ? "BEIOPSsu" : "TWuwx"));
}

std::vector<LabelledPath> labelled_paths() {
  std::vector<LabelledPath> paths;
  for (const auto& known : kPrograms) {
    if (known.name.starts_with('/')) {
      paths.push_back({std::string(known.name), known.label});
      continue;
    }
    for (const auto place : kPlaces)
      paths.push_back({std::string(place).append(known.name), known.label});
  }
  return paths;
}

}  // namespace guard
