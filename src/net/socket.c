/* SPDX-License-Identifier: Apache-2.0 */
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int new_socket(const struct endpoint *endpoint)
{
    return socket(endpoint->of.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool set_option(int descriptor, int level, int option, int value)
{
    return setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

static void close_keeping_errno(int descriptor)
{
    int saved = errno;
    (void)close(descriptor);
    errno = saved;
}

/* Comforts of a connection; one that the system refuses them is still a connection. */
static void set_stream_options(int descriptor, const struct endpoint *peer)
{
    if (endpoint_is_unix(peer)) {
        return;
    }
    (void)set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    (void)set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    (void)set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, SOCKET_KEEPALIVE_IDLE_SECONDS);
    (void)set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, SOCKET_KEEPALIVE_INTERVAL_SECONDS);
    (void)set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, SOCKET_KEEPALIVE_PROBES);
}

static bool is_v6_wildcard(const struct endpoint *endpoint)
{
    return endpoint->of.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&endpoint->of.v6.sin6_addr);
}

static bool set_listening_options(int descriptor, const struct endpoint *endpoint)
{
    if (endpoint_is_unix(endpoint)) {
        return true;
    }
    /* Said explicitly: a sysctl must not decide which clients get in. */
    if (is_v6_wildcard(endpoint) && !set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0)) {
        return false;
    }
    return set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
}

/* A refused connect is the proof that no process listens: a full backlog says EAGAIN, a living one takes it. */
static bool nobody_answers(const struct endpoint *endpoint)
{
    int probe = new_socket(endpoint);
    if (probe < 0) {
        return false;
    }
    int result = connect(probe, &endpoint->of.any, endpoint->size);
    bool refused = result != 0 && errno == ECONNREFUSED;
    (void)close(probe);
    return refused;
}

static bool remove_stale(const struct endpoint *endpoint)
{
    struct stat status;
    const char *path = endpoint->of.local.sun_path;
    bool stale = lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && nobody_answers(endpoint);
    return stale && unlink(path) == 0;
}

/* Nobody else can open it, and so nobody else can hold it: only root and our own user lock us out. */
enum { LOCK_MODE = 0600 };

struct path_lock {
    int descriptor; /* -1: not held */
    char path[sizeof((struct sockaddr_un *)0)->sun_path + sizeof ".lock"];
};

/* Is what the descriptor locks still what the path leads to?  Its holder before may have removed it. */
static bool lock_is_current(const struct path_lock *lock)
{
    struct stat locked, there;
    return fstat(lock->descriptor, &locked) == 0 && lstat(lock->path, &there) == 0 && locked.st_ino == there.st_ino &&
           locked.st_dev == there.st_dev;
}

/* Two processes that find the same stale path must not remove each other's fresh one: a file beside it is locked while looking. */
static bool lock_path(const char *path, struct path_lock *ret_lock)
{
    snprintf(ret_lock->path, sizeof ret_lock->path, "%s.lock", path);
    ret_lock->descriptor = open(ret_lock->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);
    if (ret_lock->descriptor < 0) {
        return false;
    }
    bool locked = flock(ret_lock->descriptor, LOCK_EX | LOCK_NB) == 0;
    if (locked && lock_is_current(ret_lock)) {
        return true;
    }
    errno = locked ? EAGAIN : errno;
    close_keeping_errno(ret_lock->descriptor);
    return false;
}

static void unlock_path(struct path_lock *lock)
{
    int saved = errno;
    (void)unlink(lock->path);
    (void)close(lock->descriptor);
    errno = saved;
}

static int bind_over_stale(int descriptor, const struct endpoint *endpoint)
{
    if (bind(descriptor, &endpoint->of.any, endpoint->size) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE) {
        return -1;
    }
    if (!remove_stale(endpoint)) {
        errno = EADDRINUSE;
        return -1;
    }
    return bind(descriptor, &endpoint->of.any, endpoint->size);
}

static int bind_unix(int descriptor, const struct endpoint *endpoint, mode_t mode)
{
    struct path_lock lock;
    if (!lock_path(endpoint->of.local.sun_path, &lock)) {
        return -1;
    }
    int result = bind_over_stale(descriptor, endpoint);
    /* Nobody can connect before listen(), so the mode of the moment does no harm. */
    if (result == 0) {
        result = chmod(endpoint->of.local.sun_path, mode);
    }
    unlock_path(&lock);
    return result;
}

static int bind_any(int descriptor, const struct endpoint *endpoint, mode_t mode)
{
    return endpoint_is_unix(endpoint) ? bind_unix(descriptor, endpoint, mode)
                                      : bind(descriptor, &endpoint->of.any, endpoint->size);
}

static signet_error listening_failed(const struct endpoint *endpoint, struct cause *ret_cause)
{
    int saved = errno;
    char text[ENDPOINT_TEXT_BYTES];
    endpoint_text(endpoint, text);
    cause_set_system(ret_cause, "cannot listen on", text, saved);
    errno = saved;
    return SIGNET_ERROR_SYSTEM;
}

signet_error socket_listen(const struct endpoint *endpoint, mode_t unix_mode, int *ret_descriptor,
                           struct cause *ret_cause)
{
    int descriptor = new_socket(endpoint);
    if (descriptor < 0) {
        return listening_failed(endpoint, ret_cause);
    }
    if (!set_listening_options(descriptor, endpoint) || bind_any(descriptor, endpoint, unix_mode) != 0 ||
        listen(descriptor, SOCKET_BACKLOG) != 0) {
        close_keeping_errno(descriptor);
        return listening_failed(endpoint, ret_cause);
    }
    *ret_descriptor = descriptor;
    return SIGNET_OK;
}

void socket_close_listening(int descriptor)
{
    struct endpoint endpoint;
    bool has_path = endpoint_of_local(descriptor, &endpoint) == SIGNET_OK && endpoint_is_unix(&endpoint);
    (void)close(descriptor);
    if (!has_path || endpoint.of.local.sun_path[0] != '/') {
        return;
    }
    /* Once ours is closed, a path on which someone answers is someone else's. */
    struct path_lock lock;
    if (lock_path(endpoint.of.local.sun_path, &lock)) {
        (void)remove_stale(&endpoint);
        unlock_path(&lock);
    }
}

signet_error socket_accept(int listening, int *ret_descriptor, struct endpoint *ret_peer)
{
    struct endpoint peer = { .size = sizeof peer.of };
    int descriptor = accept4(listening, &peer.of.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    set_stream_options(descriptor, &peer);
    *ret_descriptor = descriptor;
    *ret_peer = peer;
    return SIGNET_OK;
}

signet_error socket_connect(const struct endpoint *endpoint, int *ret_descriptor)
{
    int descriptor = new_socket(endpoint);
    if (descriptor < 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    set_stream_options(descriptor, endpoint);
    if (connect(descriptor, &endpoint->of.any, endpoint->size) != 0 && errno != EINPROGRESS) {
        close_keeping_errno(descriptor);
        return SIGNET_ERROR_SYSTEM;
    }
    *ret_descriptor = descriptor;
    return SIGNET_OK;
}
