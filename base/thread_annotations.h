#pragma once

// Lock annotations, checked by clang's -Wthread-safety; other compilers see nothing.
#if defined(__clang__)
#define DASHI_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define DASHI_THREAD_ANNOTATION(x)
#endif

#define DASHI_CAPABILITY(x) DASHI_THREAD_ANNOTATION(capability(x))
#define DASHI_SCOPED_CAPABILITY DASHI_THREAD_ANNOTATION(scoped_lockable)
#define DASHI_GUARDED_BY(x) DASHI_THREAD_ANNOTATION(guarded_by(x))
#define DASHI_PT_GUARDED_BY(x) DASHI_THREAD_ANNOTATION(pt_guarded_by(x))
#define DASHI_REQUIRES(...) DASHI_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define DASHI_EXCLUDES(...) DASHI_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define DASHI_ACQUIRE(...) DASHI_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define DASHI_RELEASE(...) DASHI_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define DASHI_TRY_ACQUIRE(...) DASHI_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define DASHI_NO_THREAD_SAFETY_ANALYSIS DASHI_THREAD_ANNOTATION(no_thread_safety_analysis)
