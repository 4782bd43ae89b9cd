/* Records what a power loss would leave of a folder, on a file system that journals its metadata as ext4 and XFS do: a
   successful fsync or fdatasync makes the file's bytes durable, and every file and folder that exists at that moment under the
   name that it has at that moment. Bytes of files that were not synchronised count as lost.

   The event store puts `write`, `fsync`, `fdatasync` and `rename` of its own before everybody's, which end in `syscall` and
   `renameat`: those two can be put before the C library's. RECORD_SYNCS names the folder, RECORD_SYNCS_LOG the file that one
   record is appended to after each synchronisation:

     F inode born size LF bytes LF     the synchronised file; size 0 for a folder
     D inode born path LF              a folder that exists
     R inode born path LF              a file that exists
     E LF

   `born` is the time of creation in nanoseconds: inode numbers are used again. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long (*next_syscall)(long, ...);
static int (*next_renameat)(int, const char *, int, const char *);

static char root[4096];
static int log_file = -1;
/* Held while a name changes or a record is made, so that a record sees each file under one name. */
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

static FILE *record;

static void find_next(void) {
    if (!next_syscall)
        next_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    if (!next_renameat)
        next_renameat = (int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");
}

/* At once: the event store blanks its environment and confines itself to its folder before the engine starts. */
__attribute__((constructor)) static void prepare(void) {
    const char *folder = getenv("RECORD_SYNCS"), *path = getenv("RECORD_SYNCS_LOG");
    find_next();
    if (folder && path && strlen(folder) < sizeof root) {
        strcpy(root, folder);
        log_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log_file < 0)
            abort();
    }
}

static unsigned long long born(const struct statx *file) {
    return file->stx_mask & STATX_BTIME ? file->stx_btime.tv_sec * 1000000000ULL + file->stx_btime.tv_nsec : 0;
}

static int add_name(const char *path, const struct stat *status, int type, struct FTW *place) {
    struct statx file;
    (void)status, (void)place;
    if ((type == FTW_D || type == FTW_F) &&
        statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &file) == 0)
        fprintf(record, "%c %llu %llu %s\n", type == FTW_D ? 'D' : 'R', (unsigned long long)file.stx_ino, born(&file), path);
    return 0;
}

/* What the file holds now goes into the record. Read before it is synchronised: what is written meanwhile is not promised. */
static void add_bytes(int number) {
    struct statx file;
    char path[64], buffer[1 << 16];
    off_t at = 0;
    ssize_t length;
    int own;
    if (statx(number, "", AT_EMPTY_PATH, STATX_INO | STATX_TYPE | STATX_SIZE | STATX_BTIME, &file) != 0)
        abort();
    int regular = S_ISREG(file.stx_mode);
    off_t size = regular ? (off_t)file.stx_size : 0;
    fprintf(record, "F %llu %llu %lld\n", (unsigned long long)file.stx_ino, born(&file), (long long)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    own = regular ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (regular && own < 0)
        abort();
    while (at < size && (length = pread(own, buffer, (size_t)(size - at) < sizeof buffer ? (size_t)(size - at) : sizeof buffer, at)) > 0) {
        fwrite(buffer, 1, (size_t)length, record);
        at += length;
    }
    if (at != size)
        abort();
    if (own >= 0)
        close(own);
    fputc('\n', record);
}

static long synchronise(long number, int file) {
    char *bytes = NULL;
    size_t length = 0, written = 0;
    long result;
    int error;
    pthread_mutex_lock(&names);
    record = open_memstream(&bytes, &length);
    if (!record)
        abort();
    add_bytes(file);
    nftw(root, add_name, 16, FTW_PHYS);
    fputs("E\n", record);
    fclose(record);
    result = next_syscall(number, file);
    error = errno;
    while (result == 0 && written < length) {
        long count = next_syscall(SYS_write, log_file, bytes + written, length - written);
        if (count < 0)
            abort();
        written += (size_t)count;
    }
    free(bytes);
    pthread_mutex_unlock(&names);
    errno = error;
    return result;
}

long syscall(long number, ...) {
    long a[6], result;
    va_list rest;
    va_start(rest, number);
    for (int at = 0; at < 6; at++)
        a[at] = va_arg(rest, long);
    va_end(rest);
    find_next();
    if (log_file >= 0 && (number == SYS_fsync || number == SYS_fdatasync))
        return synchronise(number, (int)a[0]);
    if (number != SYS_renameat2)
        return next_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    pthread_mutex_lock(&names);
    result = next_syscall(number, a[0], a[1], a[2], a[3], a[4]);
    pthread_mutex_unlock(&names);
    return result;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    int result;
    find_next();
    pthread_mutex_lock(&names);
    result = next_renameat(from_folder, from, to_folder, to);
    pthread_mutex_unlock(&names);
    return result;
}
