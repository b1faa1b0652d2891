/*
 * Shows a notification on the desktop whenever somebody breaks a policy of guardd: with sd-bus.
 *
 *     cc -o notify notify.c $(pkg-config --cflags --libs libsystemd)
 *
 * It may be started before guardd, and guardd may be restarted meanwhile. NOTIFY is the command
 * that shows it, notify-send if nothing is said; it gets --, a title and a text.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#define NAME "org.guardd.Guard1"
#define OBJECT "/org/guardd/Guard1"
#define MANAGER "org.guardd.Guard1.Manager"

extern char** environ;

/* What files are called is for others to choose: no control characters, and no markup. */
static void add_plain(char* text, size_t size, const char* from) {
  size_t length = strlen(text);
  for (; *from != '\0' && length + 6 < size; ++from) {
    const unsigned char c = (unsigned char)*from;
    const char* instead = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
    if (c < 0x20 || c == 0x7f) instead = "?";
    if (instead)
      length += (size_t)snprintf(text + length, size - length, "%s", instead);
    else
      text[length++] = (char)c;
  }
  text[length] = '\0';
}

static void show(char* title, char* text) {
  char standard[] = "notify-send";
  char end[] = "--";
  char* command = getenv("NOTIFY");
  if (!command) command = standard;
  char* arguments[] = {command, end, title, text, NULL};
  pid_t pid = 0;
  const int code = posix_spawnp(&pid, command, NULL, NULL, arguments, environ);
  if (code != 0) fprintf(stderr, "%s: %s\n", command, strerror(code));
}

/* The text of the variant that comes next, or of the first one of its list; else it is passed over.
 */
static int read_text(sd_bus_message* message, const char** text) {
  const char* contents = NULL;
  const char* rest = NULL;
  int code = sd_bus_message_peek_type(message, NULL, &contents);
  if (code < 0) return code;
  if (strcmp(contents, "s") == 0) return sd_bus_message_read(message, "v", "s", text);
  if (strcmp(contents, "as") != 0) return sd_bus_message_skip(message, "v");
  code = sd_bus_message_enter_container(message, 'v', "as");
  if (code >= 0) code = sd_bus_message_enter_container(message, 'a', "s");
  if (code >= 0) code = sd_bus_message_read_basic(message, 's', text);
  while (code > 0) code = sd_bus_message_read_basic(message, 's', &rest);
  if (code >= 0) code = sd_bus_message_exit_container(message);
  return code < 0 ? code : sd_bus_message_exit_container(message);
}

/* A field may be missing: not everybody is told everything, and not everything is known. */
static int incident_told(sd_bus_message* reply, void* data, sd_bus_error* error) {
  const char* policy = "a policy";
  const char* who = "somebody";
  const char* path = "see guardctl incidents";
  (void)data;
  (void)error;
  if (sd_bus_message_is_method_error(reply, NULL)) return 0; /* it may have ended meanwhile */
  int code = sd_bus_message_enter_container(reply, 'a', "{sv}");
  while (code >= 0 && (code = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
    const char* field = NULL;
    const char* text = NULL;
    code = sd_bus_message_read_basic(reply, 's', &field);
    if (code >= 0) code = read_text(reply, &text);
    if (code >= 0) code = sd_bus_message_exit_container(reply);
    if (code < 0 || !text) continue;
    if (strcmp(field, "policy") == 0) policy = text;
    if (strcmp(field, "login_user") == 0) who = text;
    if (strcmp(field, "sample") == 0) path = text;
  }
  if (code < 0) {
    fprintf(stderr, "an incident that cannot be read: %s\n", strerror(-code));
    return 0;
  }
  char title[256] = "guardd: ";
  char text[4096] = "";
  add_plain(title, sizeof title, policy);
  add_plain(text, sizeof text, who);
  add_plain(text, sizeof text, ": ");
  add_plain(text, sizeof text, path);
  show(title, text);
  return 0;
}

/* Everybody on a bus can send signals: that there is something may be heard from anybody, what it
   is only guardd is asked. */
static int incident_opened(sd_bus_message* message, void* data, sd_bus_error* error) {
  const char* id = NULL;
  (void)data;
  (void)error;
  if (sd_bus_message_read(message, "s", &id) < 0) return 0;
  (void)sd_bus_call_method_async(sd_bus_message_get_bus(message), NULL, NAME, OBJECT, MANAGER,
                                 "GetIncident", incident_told, NULL, "s", id);
  return 0;
}

int main(void) {
  sd_bus* bus = NULL;
  signal(SIGCHLD, SIG_IGN); /* nobody waits for what shows it */
  int code = sd_bus_open_system(&bus);
  if (code >= 0)
    code = sd_bus_match_signal(bus, NULL, NAME, OBJECT, MANAGER, "IncidentOpened", incident_opened,
                               NULL);
  while (code >= 0) {
    code = sd_bus_process(bus, NULL);
    if (code == 0) code = sd_bus_wait(bus, UINT64_MAX);
    if (code == -EINTR) code = 0;
  }
  fprintf(stderr, "the system bus: %s\n", strerror(-code));
  sd_bus_unref(bus);
  return 1;
}
