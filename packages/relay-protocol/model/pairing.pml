/*
 * Two functions that meet at a relay by transport raw: the detach of each (PROTOCOL.md, section 8), parking, departure and
 * joining (section 9), the 200 (section 10). Checked exhaustively by spin:
 *
 *     spin -a pairing.pml && gcc -O2 -DSAFETY -o pan pan.c && ./pan
 *
 * What is on a connection, in order, is a channel of marks. TLS is where an end stands: before close_notify it takes what comes
 * for TLS, behind it for bare bytes. A mark that comes in the wrong place is what a real TLS stack would die of, or swallow.
 *
 * Each client chooses: step by step, or pipelining (request, close_notify and first bytes in one flight); steadfast, or fickle:
 * it may vanish at any point. The relay's write of its close_notify and its read of the client's come in either order. A client
 * whose peer has vanished is parked again, and may wait in vain: time runs out only when nothing else can happen.
 *
 * The fault of the prototype that this protocol grew out of was to take a connection for detached when one of the two
 * close_notify was done. -DREADY_WHEN_READ and -DREADY_WHEN_SENT plant it: spin finds TLS and the session mixed up.
 */

mtype = { request, close_notify, bytes, ok, gone, refused };

chan to_relay[2] = [4] of { mtype };
chan to_client[2] = [4] of { mtype };

/* The relay, of each connection. */
bool sent[2];      /* the relay's close_notify is flushed */
bool read[2];      /* the client's close_notify has been read */
bool parked[2];
bool departed[2];  /* the relay has seen that it vanished */
bool joined[2];
bool was_refused[2];
bool joining;      /* the two are matched */

/* The clients. */
bool vanished[2];
bool out_tls[2] = true;   /* its close_notify is still to come */
bool paired[2];
bool got[2];              /* the peer's bytes */
bool over[2];

#if defined(READY_WHEN_READ)
#define detached(i) (read[i])
#elif defined(READY_WHEN_SENT)
#define detached(i) (sent[i])
#else
#define detached(i) (sent[i] && read[i])
#endif

/* What is said behind somebody's back is lost. */
inline tell(i, word) {
  if
  :: vanished[i]
  :: else -> to_client[i] ! word
  fi
}

/* A fickle client may not come to it. */
inline send(i, word) {
  if
  :: to_relay[i] ! word
  :: fickle -> goto vanish
  fi
}

proctype Client(byte i; bool pipelines; bool fickle) {
  send(i, request);
  if
  :: pipelines -> send(i, close_notify); out_tls[i] = false; send(i, bytes)
  :: else
  fi;

  /* Inside TLS until the relay's close_notify. */
  do
  :: to_client[i] ? close_notify -> break
  :: to_client[i] ? ok -> assert(false)     /* a 200 inside the outer TLS: its TLS would take that for a broken record */
  :: fickle -> goto vanish
  od;
  if
  :: out_tls[i] -> send(i, close_notify); out_tls[i] = false
  :: else
  fi;

  /* Bare, parked. */
  do
  :: to_client[i] ? ok -> paired[i] = true; break
  :: to_client[i] ? refused -> goto end
  :: to_client[i] ? close_notify -> assert(false)   /* TLS on the bare connection */
  :: to_client[i] ? bytes -> assert(false)          /* a session before the 200 */
  :: fickle -> goto vanish
  od;
  if
  :: !pipelines -> send(i, bytes)
  :: else
  fi;
  do
  :: to_client[i] ? bytes -> got[i] = true; break
  :: to_client[i] ? gone -> break
  :: to_client[i] ? ok -> assert(false)             /* paired twice */
  :: to_client[i] ? close_notify -> assert(false)
  :: fickle -> goto vanish
  od;
  goto end;
vanish:
  vanished[i] = true;
  to_relay[i] ! gone;
end:
  over[i] = true
}

/* The relay's part for one connection, until it is parked. One record at a time: it stops exactly behind close_notify. */
proctype Admission(byte i) {
  do
  :: to_relay[i] ? request -> break
  :: to_relay[i] ? gone -> departed[i] = true; goto end
  od;
  do
  :: !sent[i] -> atomic { tell(i, close_notify); sent[i] = true }
  :: !read[i] && to_relay[i] ? [close_notify] -> to_relay[i] ? close_notify; read[i] = true
  :: !read[i] && to_relay[i] ? [gone] -> to_relay[i] ? gone; departed[i] = true; goto end
  :: detached(i) -> break
  od;
  parked[i] = true;
end:
  skip
}

/* The rendezvous and the data plane: matches at once, joins later, and finds out in between who has gone. */
proctype Relay() {
  byte i;
  do
  /* The data plane watches whom it has parked. A reset overtakes the bytes that were sent before it. */
  :: atomic { parked[0] && !joined[0] && to_relay[0] ?? [gone] -> departed[0] = true; parked[0] = false }
  :: atomic { parked[1] && !joined[1] && to_relay[1] ?? [gone] -> departed[1] = true; parked[1] = false }
  :: atomic { parked[0] && parked[1] && !joining && !joined[0] -> joining = true }
  :: atomic {
       joining ->
       joining = false;
       if
       :: parked[0] && parked[1] ->
          assert(!departed[0] && !departed[1]);
          joined[0] = true; joined[1] = true;
          tell(0, ok); tell(1, ok)
       :: else /* one has gone: the other is parked as before */
       fi
     }
  /* The session: bytes go over, an end is an end. */
  :: atomic { joined[0] && joined[1] && nempty(to_relay[0]) && (nfull(to_client[1]) || vanished[1]) ->
       if
       :: to_relay[0] ? bytes -> tell(1, bytes)
       :: to_relay[0] ? gone -> tell(1, gone); departed[0] = true
       :: to_relay[0] ? close_notify -> assert(false) /* TLS within the session */
       :: to_relay[0] ? request -> assert(false)
       fi }
  :: atomic { joined[0] && joined[1] && nempty(to_relay[1]) && (nfull(to_client[0]) || vanished[0]) ->
       if
       :: to_relay[1] ? bytes -> tell(0, bytes)
       :: to_relay[1] ? gone -> tell(0, gone); departed[1] = true
       :: to_relay[1] ? close_notify -> assert(false)
       :: to_relay[1] ? request -> assert(false)
       fi }
  /* The wait is over, when nothing else can happen. */
  :: atomic { timeout ->
       if
       :: parked[0] && !joined[0] -> was_refused[0] = true; parked[0] = false; tell(0, refused)
       :: parked[1] && !joined[1] -> was_refused[1] = true; parked[1] = false; tell(1, refused)
       :: else -> break
       fi }
  od;

  /* Nobody is left waiting, whatever happened. */
  assert(over[0] && over[1]);
  for (i : 0 .. 1) {
    assert(!(paired[i] && was_refused[i]));
    /* Who heard 200 and stayed got the peer's bytes, or its end. */
    assert(!(paired[i] && !vanished[i] && !vanished[1 - i]) || got[i]);
    /* Two that stayed have met. */
    assert(vanished[0] || vanished[1] || (paired[0] && paired[1]))
  }
}

init {
  bool pipelines[2], fickle[2];
  byte i;
  for (i : 0 .. 1) {
    if :: pipelines[i] = true :: pipelines[i] = false fi;
    if :: fickle[i] = true :: fickle[i] = false fi
  }
  atomic {
    run Client(0, pipelines[0], fickle[0]); run Client(1, pipelines[1], fickle[1]);
    run Admission(0); run Admission(1);
    run Relay()
  }
}
