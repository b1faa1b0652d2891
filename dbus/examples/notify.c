/*
 * Shows a desktop notification when a user breaks a policy of guardd. It uses sd-bus.
 *
 *     cc -o notify notify.c $(pkg-config --cflags --libs libsystemd)
 *
 * You may start it before guardd, and guardd may restart. NOTIFY is the command that shows the
 * notification, notify-send by default. It gets --, a title and a text.
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

/* Other users choose file names, so control characters and markup are removed. */
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

/* Reads the next variant if it is a text, or the first of a list of texts; skips any other. */
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

/* Fields may be absent, if they are unknown or the caller may not see them. */
static int incident_received(sd_bus_message* reply, void* data, sd_bus_error* error) {
  const char* policy = "a policy";
  const char* who = "an unknown user";
  const char* path = "see guardctl incidents";
  (void)data;
  (void)error;
  if (sd_bus_message_is_method_error(reply, NULL)) return 0; /* the incident is gone */
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
    fprintf(stderr, "cannot read an incident: %s\n", strerror(-code));
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

/* Any user on a bus can send signals, so the signal is only a hint, and guardd itself is asked for
   the incident. */
static int incident_opened(sd_bus_message* message, void* data, sd_bus_error* error) {
  const char* id = NULL;
  (void)data;
  (void)error;
  if (sd_bus_message_read(message, "s", &id) < 0) return 0;
  (void)sd_bus_call_method_async(sd_bus_message_get_bus(message), NULL, NAME, OBJECT, MANAGER,
                                 "GetIncident", incident_received, NULL, "s", id);
  return 0;
}

int main(void) {
  sd_bus* bus = NULL;
  signal(SIGCHLD, SIG_IGN); /* children are never waited for */
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
