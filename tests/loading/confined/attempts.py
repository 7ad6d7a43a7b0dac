"""Actions that a confined model must not be able to do: one function per action, with the standard library alone.

A test runs this source inside a model, in the confined process: `run` calls all functions named ``attempt_…`` and
prints the error of each, or ``done`` when it succeeded.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import socket
import stat
import subprocess
import sys
import termios
import threading

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
SYSTEM_CALLS = {"bpf": 321, "io_uring_setup": 425, "userfaultfd": 323, "add_key": 248, "perf_event_open": 298}
SYSTEM_CALLS |= {"timer_create": 222, "clone": 56, "close_range": 436}
if os.uname().machine == "aarch64":
    SYSTEM_CALLS = {"bpf": 280, "io_uring_setup": 425, "userfaultfd": 282, "add_key": 217, "perf_event_open": 241}
    SYSTEM_CALLS |= {"timer_create": 107, "clone": 220, "close_range": 436}


def check_result(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def parent():
    return os.getppid()


def list_registry_descriptors(locations):
    """List the descriptors of open files in the registry."""
    paths = {int(name): f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")}
    targets = {name: os.readlink(path) for name, path in paths.items() if os.path.lexists(path)}
    return [name for name, target in targets.items() if target.startswith(locations["registry"])]


# files


def attempt_read_a_secret_in_the_home_folder(locations):
    open(f"{locations['home']}/secret").read()


def attempt_list_the_home_folder(locations):
    os.listdir(locations["home"])


def attempt_read_the_catalog(locations):
    open(f"{locations['registry']}/catalog.db", "rb").read()


def attempt_list_the_stored_bytes(locations):
    os.listdir(f"{locations['registry']}/artifacts/blobs/sha256")


def attempt_read_etc_passwd(locations):
    open("/etc/passwd").read()


def attempt_write_a_file(locations):
    open(f"{locations['home']}/marker", "w").close()


def attempt_write_a_file_in_tmp(locations):
    open("/tmp/modelreg-marker", "w").close()


def attempt_write_into_the_installation(locations):
    open(f"{sys.prefix}/marker", "w").close()


def attempt_append_to_a_file(locations):
    open(f"{locations['home']}/secret", "a").close()


def attempt_truncate_a_file_opened_for_reading(locations):
    os.open(f"{locations['home']}/secret", os.O_RDONLY | os.O_TRUNC)


def attempt_truncate_a_readable_file(locations):
    os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)


def attempt_open_a_file_with_access_mode_3(locations):
    os.open(f"{locations['home']}/secret", 3)


def attempt_truncate_a_file_with_access_mode_3(locations):
    os.open(f"{locations['home']}/secret", 3 | os.O_TRUNC)


def attempt_open_a_device_with_access_mode_3(locations):
    os.open("/dev/full", 3)


def attempt_truncate_a_file(locations):
    os.truncate(f"{locations['home']}/secret", 0)


def attempt_delete_a_file(locations):
    os.unlink(f"{locations['home']}/secret")


def attempt_delete_a_folder(locations):
    os.rmdir(f"{locations['home']}/folder")


def attempt_make_a_folder(locations):
    os.mkdir(f"{locations['home']}/new")


def attempt_rename_a_file(locations):
    os.rename(f"{locations['home']}/secret", f"{locations['home']}/renamed")


def attempt_link_a_file(locations):
    os.link(f"{locations['home']}/secret", f"{locations['home']}/linked")


def attempt_make_a_symbolic_link(locations):
    os.symlink("secret", f"{locations['home']}/linked")


def attempt_make_a_fifo(locations):
    os.mkfifo(f"{locations['home']}/fifo")


def attempt_make_a_device(locations):
    os.mknod(f"{locations['home']}/device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))


def attempt_change_the_mode_of_a_file(locations):
    os.chmod(f"{locations['home']}/secret", 0o777)


def attempt_change_the_owner_of_a_file(locations):
    os.chown(f"{locations['home']}/secret", os.getuid(), os.getgid())


def attempt_change_the_times_of_a_file(locations):
    os.utime(f"{locations['home']}/secret", (0, 0))


def attempt_set_an_extended_attribute(locations):
    os.setxattr(f"{locations['home']}/secret", "user.marker", b"x")


def attempt_write_through_the_descriptor_of_the_model(locations):
    for name in list_registry_descriptors(locations):
        os.open(f"/proc/self/fd/{name}", os.O_WRONLY)
    raise PermissionError(errno.EACCES, "none could be opened")


def attempt_change_the_mode_of_an_open_file(locations):
    for name in list_registry_descriptors(locations):
        os.fchmod(name, 0o777)


def attempt_change_the_times_of_an_open_file(locations):
    for name in list_registry_descriptors(locations):
        os.utime(name, (0, 0))


def find_output():
    """The descriptor of the output: the only regular file that is open for writing."""
    names = [int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
    files = [name for name in names if name > 2 and stat.S_ISREG(os.fstat(name).st_mode)]
    return next(name for name in files if fcntl.fcntl(name, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR)


def attempt_extend_the_output_beyond_the_written_data(locations):
    os.ftruncate(find_output(), 8 << 40)


def attempt_allocate_space_for_the_output(locations):
    check_result(LIBC.fallocate(find_output(), 1, ctypes.c_long(0), ctypes.c_long(1 << 20)))


def attempt_set_direct_io_on_the_output(locations):
    fcntl.fcntl(find_output(), fcntl.F_SETFL, os.O_DIRECT)


def attempt_open_many_files(locations):
    opened = []
    try:
        while len(opened) < 1000:
            opened.append(os.dup(0))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def attempt_copy_the_table_of_open_files(locations):
    check_result(LIBC.syscall(SYSTEM_CALLS["close_range"], 4000, 4001, 2))


def attempt_start_a_thread_with_its_own_table_of_open_files(locations):
    """The flags of a thread without ``CLONE_FILES``; without a stack, such a thread would end at once."""
    check_result(LIBC.syscall(SYSTEM_CALLS["clone"], 0x50B00, 0, 0, 0, 0))


def attempt_enlarge_a_pipe(locations):
    fcntl.fcntl(os.pipe()[0], 1031, 1 << 20)


def attempt_open_a_file_by_its_handle(locations):
    check_result(LIBC.open_by_handle_at(-100, ctypes.create_string_buffer(64), os.O_RDONLY))


def attempt_use_an_inherited_descriptor(locations):
    os.fstat(locations["inherited"])


# programs and processes


def attempt_run_a_program(locations):
    subprocess.run(["/bin/true"], check=False)


def attempt_run_a_shell(locations):
    if os.system("true"):  # returns a status instead of raising
        raise PermissionError(errno.EPERM, "no shell")


def attempt_spawn_a_program(locations):
    os.posix_spawn("/bin/true", ["true"], {})


def attempt_execute_a_program(locations):
    os.execv("/bin/true", ["true"])


def attempt_run_a_program_from_memory(locations):
    os.memfd_create("program")


def attempt_fork(locations):
    if os.fork() == 0:
        os._exit(0)


def attempt_fork_from_a_thread(locations):
    errors = []

    def work():
        try:
            if os.fork() == 0:
                os._exit(0)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise errors[0]


def attempt_write_a_file_from_a_thread(locations):
    errors = []

    def work():
        try:
            open(f"{locations['home']}/marker", "w").close()
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise errors[0]


def attempt_leave_the_namespaces(locations):
    check_result(LIBC.unshare(0x10000000))


def attempt_mount(locations):
    check_result(LIBC.mount(b"none", locations["home"].encode(), b"tmpfs", 0, None))


def attempt_change_the_root(locations):
    os.chroot("/usr")


# the network


def attempt_connect_by_tcp(locations):
    socket.create_connection(("127.0.0.1", locations["port"]), timeout=5)


def attempt_listen(locations):
    socket.create_server(("127.0.0.1", 0))


def attempt_send_by_udp(locations):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", locations["port"]))


def attempt_send_by_udp_over_ipv6(locations):
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("::1", locations["port"]))


def attempt_connect_to_a_unix_socket(locations):
    socket.socket(socket.AF_UNIX).connect(locations["socket"])


def attempt_connect_to_an_abstract_socket(locations):
    socket.socket(socket.AF_UNIX).connect(locations["abstract"])


def attempt_send_by_a_pair_of_datagram_sockets(locations):
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


def attempt_open_a_netlink_socket(locations):
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


def attempt_send_a_descriptor(locations):
    one, _ = socket.socketpair()
    socket.send_fds(one, [b"x"], [1])


# other processes


def attempt_signal_the_parent(locations):
    os.kill(parent(), 0)


def attempt_signal_the_group(locations):
    os.kill(0, 0)


def attempt_make_the_kernel_signal_the_parent(locations):
    reader, _ = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, parent())


def attempt_trace_the_parent(locations):
    check_result(LIBC.ptrace(PTRACE_ATTACH, parent(), None, None))


def attempt_seize_the_parent(locations):
    check_result(LIBC.ptrace(PTRACE_SEIZE, parent(), None, None))


def attempt_read_the_memory_of_the_parent(locations):
    check_result(LIBC.process_vm_readv(parent(), None, 0, None, 0, 0))


def attempt_open_the_memory_of_the_parent(locations):
    open(f"/proc/{parent()}/mem", "rb")


def attempt_read_the_environment_of_the_parent(locations):
    open(f"/proc/{parent()}/environ", "rb").read()


def attempt_read_the_maps_of_the_parent(locations):
    open(f"/proc/{parent()}/maps").read()


def attempt_limit_the_parent(locations):
    resource.prlimit(parent(), resource.RLIMIT_NOFILE, (100, 100))


def attempt_raise_a_limit(locations):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    except ValueError as error:  # Python raises it for EPERM
        raise PermissionError(errno.EPERM, str(error)) from error


def attempt_slow_the_parent_down(locations):
    os.setpriority(os.PRIO_PROCESS, parent(), 19)


def attempt_pin_the_parent_to_a_processor(locations):
    os.sched_setaffinity(parent(), {0})


def attempt_outlive_the_parent(locations):
    check_result(LIBC.prctl(1, 0, 0, 0, 0))


# shared memory, and the rest of the kernel


def attempt_make_shared_memory(locations):
    os.open("/dev/shm/modelreg-marker", os.O_CREAT | os.O_RDWR)


def attempt_make_system_v_shared_memory(locations):
    check_result(LIBC.shmget(0x4D52, 4096, 0o1600))


def attempt_make_a_system_v_semaphore(locations):
    check_result(LIBC.semget(0x4D52, 1, 0o1600))


def attempt_make_a_system_v_queue(locations):
    check_result(LIBC.msgget(0x4D52, 0o1600))


def attempt_make_a_posix_queue(locations):
    check_result(LIBC.mq_open(b"/modelreg-marker", os.O_CREAT | os.O_RDWR, 0o600, None))


def attempt_type_into_the_terminal(locations):
    for descriptor in (0, 1, 2):
        fcntl.ioctl(descriptor, termios.TIOCSTI, b"x")


def attempt_open_the_terminal(locations):
    os.open("/dev/tty", os.O_RDWR)


def attempt_watch_files(locations):
    check_result(LIBC.inotify_init())


def attempt_set_a_timer_on_the_clock_of_the_parent(locations):
    check_result(LIBC.syscall(SYSTEM_CALLS["timer_create"], (~parent() << 3) | 2, None, ctypes.byref(ctypes.c_int())))


def attempt_read_the_clock_of_the_parent(locations):
    check_result(LIBC.clock_gettime((~parent() << 3) | 2, ctypes.create_string_buffer(16)))


def attempt_set_the_clock(locations):
    check_result(LIBC.settimeofday(ctypes.create_string_buffer(16), None))


def attempt_bpf(locations):
    check_result(LIBC.syscall(SYSTEM_CALLS["bpf"], 0, None, 0))


def attempt_io_uring(locations):
    check_result(LIBC.syscall(SYSTEM_CALLS["io_uring_setup"], 1, ctypes.create_string_buffer(120)))


def attempt_userfaultfd(locations):
    check_result(LIBC.syscall(SYSTEM_CALLS["userfaultfd"], 1))


def attempt_keys(locations):
    check_result(LIBC.syscall(SYSTEM_CALLS["add_key"], b"user", b"marker", b"x", 1, -3))


def attempt_perf(locations):
    check_result(LIBC.syscall(SYSTEM_CALLS["perf_event_open"], ctypes.create_string_buffer(128), 0, -1, -1, 0))


def attempt_a_system_call_of_the_future(locations):
    check_result(LIBC.syscall(463, 0, 0, 0, 0))


def run(locations):
    """Make all attempts; print their outcomes, and the state of this process."""
    paths = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    descriptors = {
        path: os.readlink(path) for path in paths if os.path.lexists(path)
    }  # the descriptor of the listing is closed again
    outcomes = {}
    for name, attempt in list(globals().items()):
        if name.startswith("attempt_"):
            try:
                attempt(locations)
                outcomes[name] = "done"
            except OSError as error:
                outcomes[name] = errno.errorcode.get(error.errno, str(error))
            except subprocess.SubprocessError as error:
                outcomes[name] = str(error)
    print("outcomes", json.dumps(outcomes))
    print("descriptors", json.dumps(descriptors))
    print("environment", json.dumps(dict(os.environ)))
    print("threads", json.dumps([get_thread_status(name) for name in os.listdir("/proc/self/task")]))
    print("session", os.getsid(0) == os.getpid(), mmap.PAGESIZE)


def get_thread_status(name):
    """The kernel's view of a thread's confinement."""
    lines = open(f"/proc/self/task/{name}/status").read().splitlines()
    values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return [values["NoNewPrivs"], values["Seccomp"], values["CapEff"]]
