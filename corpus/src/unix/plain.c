// Makes every call that takes no pointer once, with arguments that change nothing that matters. What a call
// answers is its own business; that there is such a call is checked.
#include "raw.h"
#include "cases.h"

int program(u64 *argc, u64 entry_sp) {
  (void)argc, (void)entry_sp, (void)CASES;
  if (!prepare()) return BROKEN;
  for (u64 i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++) {
    s64 words[WORDS];
    for (int k = 0; k < WORDS; k++) words[k] = given(&PLAIN[i], k);
    s64 got = any_call((s64)PLAIN[i].number, words);
    if (got == -ENOSYS) fail(PLAIN[i].name, 0, (u64)got);
    else ok(PLAIN[i].name);
  }
  finish();
  if (failures) return BROKEN;
  ok("every call");
  return PASSED;
}
