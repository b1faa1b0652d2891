# The directories in which other software looks for its files. pkg-config knows them, and a packager can override them
# as cache variables. Completions follow our own prefix, unless it is /usr.

# guard_directory(NAME "PACKAGE VARIABLE" FALLBACK "DESCRIPTION" [BELOW PATH below the directory of the variable])
function(guard_directory name asked fallback what)
  if(NOT DEFINED ${name})
    cmake_parse_arguments(PARSE_ARGV 4 arg "" "BELOW" "")
    separate_arguments(asked)
    list(GET asked 0 package)
    list(GET asked 1 variable)
    pkg_get_variable(answer ${package} ${variable})
    if(NOT answer)
      set(answer ${fallback})
    elseif(arg_BELOW)
      string(APPEND answer /${arg_BELOW})
    endif()
    set(${name} ${answer} CACHE PATH "${what}")
  endif()
endfunction()

guard_directory(GUARD_SYSTEMD_UNIT_DIR "systemd systemdsystemunitdir" /lib/systemd/system "Units of systemd")
guard_directory(GUARD_SYSTEMD_USER_UNIT_DIR "systemd systemduserunitdir" /usr/lib/systemd/user "Units of users")
guard_directory(GUARD_SYSUSERS_DIR "systemd sysusersdir" /usr/lib/sysusers.d "Users for systemd-sysusers")
guard_directory(GUARD_TMPFILES_DIR "systemd tmpfilesdir" /usr/lib/tmpfiles.d "Files for systemd-tmpfiles")
guard_directory(GUARD_CATALOG_DIR "systemd catalogdir" /usr/lib/systemd/catalog "Messages the journal explains")
guard_directory(GUARD_DBUS_POLICY_DIR "dbus-1 datadir" /usr/share/dbus-1/system.d "Policies of the system bus"
                BELOW dbus-1/system.d)
guard_directory(GUARD_DBUS_INTERFACES_DIR "dbus-1 datadir" /usr/share/dbus-1/interfaces "Interfaces on the bus"
                BELOW dbus-1/interfaces)
guard_directory(GUARD_POLKIT_ACTIONS_DIR "polkit-gobject-1 actiondir" /usr/share/polkit-1/actions "Actions of polkit")

# guardd reads its settings and policies from here, whatever the prefix.
set(GUARD_CONFIG_DIR /etc/guardd)

set(bash_completions ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
set(zsh_completions ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
set(fish_completions ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  guard_directory(GUARD_BASH_COMPLETIONS_DIR "bash-completion completionsdir" ${bash_completions} "For bash")
  guard_directory(GUARD_FISH_COMPLETIONS_DIR "fish completionsdir" ${fish_completions} "For fish")
endif()
# These are strings, because a relative path must stay relative to the prefix.
set(GUARD_BASH_COMPLETIONS_DIR ${bash_completions} CACHE STRING "Completions for bash")
set(GUARD_ZSH_COMPLETIONS_DIR ${zsh_completions} CACHE STRING "Completions for zsh")
set(GUARD_FISH_COMPLETIONS_DIR ${fish_completions} CACHE STRING "Completions for fish")
