// Loads the binding as the run-time system of another language would.
#include <cstdio>
#include <cstring>
#include <dlfcn.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  using Ask = int (*)(const char*, const char*, char*, unsigned long);
  const auto ask = reinterpret_cast<Ask>(dlsym(library, "dashi_binding_ask"));
  char answer[100];
  if (ask == nullptr || ask(argv[2], "SELECT 6 * 7", answer, sizeof(answer)) != 0 ||
      std::strcmp(answer, "42") != 0) {
    std::fprintf(stderr, "SELECT failed\n");
    return 1;
  }
  if (ask(argv[2], "SELECT x FROM nowhere", answer, sizeof(answer)) != 1 ||
      std::strcmp(answer, "42P01") != 0) {
    std::fprintf(stderr, "an error is not what it should be: %s\n", answer);
    return 1;
  }
  std::puts("binding: well");
  return 0;
}
