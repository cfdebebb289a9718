// Uses the C runtime: formatted output and input, strings, numbers, sorting, files, time. Its output is the same on
// every system whose C library follows the standard; built with the runtime of the target.
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <math.h>
#include <time.h>
#include <errno.h>
#include <wchar.h>
#include <signal.h>
#include <ctype.h>
static void bye(void){ puts("bye"); }
static int by_len(const void*a,const void*b){ return (int)strlen(*(char**)a)-(int)strlen(*(char**)b); }
int main(int argc,char**argv){
  atexit(bye);
  char buf[64]; snprintf(buf,sizeof buf,"%08.3f|%-6s|%+d|%#x|%lld|%zu|%c|%5.2e",3.14159,"ab",42,255,1234567890123LL,sizeof buf,'q',12345.678); puts(buf);
  const char*w[]={"lorem","a","dolor sit","xyz"}; qsort(w,4,sizeof*w,by_len); for(int i=0;i<4;i++) printf("%s;",w[i]); puts("");
  int a,b; char s[16]; printf("%d %d %d %s\n",sscanf("7 0x10 word","%d %i %15s",&a,&b,s),a,b,s);
  printf("%.6f %.6f %.6f %.3f\n",sin(1),pow(2,.5),fmod(7.5,2),floor(-1.5));
  FILE*f=fopen("t.txt","w"); fprintf(f,"line1\nline2\n"); fclose(f); f=fopen("t.txt","r"); char l[32]; while(fgets(l,32,f)) printf("[%zu]",strlen(l)); puts(""); fclose(f); remove("t.txt");
  errno=0; f=fopen("nope","r"); printf("%d %s\n",errno,strerror(errno));
  char *e; long v=strtol("123abc",&e,10); printf("%ld %s %g\n",v,e,strtod("2.5e3",0));
  time_t t=86400*365; struct tm*tm=gmtime(&t); strftime(buf,64,"%Y-%m-%d %H:%M:%S",tm); puts(buf);
  char tok[]="a,b;c"; for(char*p=strtok(tok,",;");p;p=strtok(0,",;")) printf("<%s>",p); puts("");
  wprintf(L"wide %ls %d\n",L"text",5); fflush(stdout);
  printf("%d %d %c\n",isalpha('x')!=0,isdigit('x'),toupper('z'));
  void*p=malloc(1000000); memset(p,7,1000000); p=realloc(p,2000000); printf("%d\n",((char*)p)[999999]); free(p);
  fprintf(stderr,"to stderr %d\n",1);
  return 9;
}
