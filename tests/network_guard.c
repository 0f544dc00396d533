/* Sees and refuses what a process sends past this machine. Loaded by LD_PRELOAD, it stands before the C library's own
   functions, so that it also sees what native libraries do without telling the interpreter.

   Each look-up of a name and each packet or connection to an address that is not loopback is one line,
   "CALL TARGET", at the end of the file that NETWORK_GUARD_LOG names, and fails as on a machine without a network. Only
   a program that makes system calls past the C library would not be seen.

   gcc -shared -fPIC -o network_guard.so network_guard.c -ldl */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void note(const char *call, const char *target) {
    const char *path = getenv("NETWORK_GUARD_LOG");
    char line[512];
    int length = snprintf(line, sizeof line, "%s %s\n", call, target);
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (file < 0)
        abort(); /* what cannot be noted must not pass for nothing */
    if (length >= (int)sizeof line)
        length = sizeof line - 1;
    if (write(file, line, length) != length)
        abort();
    close(file);
}

/* Addresses */

static int is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        return ntohl(four->sin_addr.s_addr) >> 24 == 127 || four->sin_addr.s_addr == INADDR_ANY;
    }
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_UNSPECIFIED(six) ||
               (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
    }
    return 1; /* unix, netlink, "disconnect": nothing of the internet */
}

static int refuses(const char *call, const struct sockaddr *address) {
    char host[INET6_ADDRSTRLEN] = "?", target[INET6_ADDRSTRLEN + 8];
    const void *number;
    int port;
    if (address == NULL || is_loopback(address))
        return 0;
    if (address->sa_family == AF_INET) {
        number = &((const struct sockaddr_in *)address)->sin_addr;
        port = ntohs(((const struct sockaddr_in *)address)->sin_port);
    } else {
        number = &((const struct sockaddr_in6 *)address)->sin6_addr;
        port = ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    }
    inet_ntop(address->sa_family, number, host, sizeof host);
    snprintf(target, sizeof target, "%s:%d", host, port);
    note(call, target);
    errno = ENETUNREACH;
    return 1;
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    return refuses("connect", address) ? -1 : NEXT(connect)(descriptor, address, length);
}

ssize_t sendto(int descriptor, const void *data, size_t size, int flags, const struct sockaddr *address,
               socklen_t length) {
    return refuses("sendto", address) ? -1 : NEXT(sendto)(descriptor, data, size, flags, address, length);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    return refuses("sendmsg", message->msg_name) ? -1 : NEXT(sendmsg)(descriptor, message, flags);
}

int sendmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags) {
    for (unsigned at = 0; at < count; at++)
        if (refuses("sendmmsg", messages[at].msg_hdr.msg_name))
            return -1;
    return NEXT(sendmmsg)(descriptor, messages, count, flags);
}

/* Names */

static int refuses_name(const char *call, const char *name) {
    unsigned char number[sizeof(struct in6_addr)];
    if (name == NULL || *name == '\0' || strcasecmp(name, "localhost") == 0)
        return 0;
    if (inet_pton(AF_INET, name, number) == 1 || inet_pton(AF_INET6, name, number) == 1)
        return 0; /* nobody is asked about a number; who connects to it is seen */
    note(call, name);
    return 1;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    return refuses_name("getaddrinfo", name) ? EAI_NONAME : NEXT(getaddrinfo)(name, service, hints, found);
}

struct hostent *gethostbyname(const char *name) {
    if (!refuses_name("gethostbyname", name))
        return NEXT(gethostbyname)(name);
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

struct hostent *gethostbyname2(const char *name, int family) {
    if (!refuses_name("gethostbyname2", name))
        return NEXT(gethostbyname2)(name, family);
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

int gethostbyname_r(const char *name, struct hostent *entry, char *buffer, size_t size, struct hostent **found,
                    int *error) {
    if (!refuses_name("gethostbyname_r", name))
        return NEXT(gethostbyname_r)(name, entry, buffer, size, found, error);
    *found = NULL;
    *error = HOST_NOT_FOUND;
    return ENOENT;
}

int gethostbyname2_r(const char *name, int family, struct hostent *entry, char *buffer, size_t size,
                     struct hostent **found, int *error) {
    if (!refuses_name("gethostbyname2_r", name))
        return NEXT(gethostbyname2_r)(name, family, entry, buffer, size, found, error);
    *found = NULL;
    *error = HOST_NOT_FOUND;
    return ENOENT;
}
